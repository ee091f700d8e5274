//! The table of path prefixes: which service answers which path, whoever does the routing.

/// Everything below a path prefix is answered by one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The prefix: itself, and what follows it behind a slash.
    pub prefix: &'static str,
    /// The service that answers.
    pub service: &'static str,
}

/// The table. The longest prefix that fits decides; `/` fits everything.
pub const TABLE: &[Route] = &[
    Route {
        prefix: "/api/users",
        service: "auth",
    },
    Route {
        prefix: "/api/tickets",
        service: "tickets",
    },
    Route {
        prefix: "/api/orders",
        service: "orders",
    },
    Route {
        prefix: "/api/payments",
        service: "payments",
    },
    Route {
        prefix: "/sandbox",
        service: "payments",
    },
    Route {
        prefix: "/dev/mail",
        service: "notifications",
    },
    Route {
        prefix: "/",
        service: "web",
    },
];

/// What every process answers about itself. Nobody outside has any business there.
pub const KEPT_INSIDE: &[&str] = &["/healthz", "/metrics", "/readyz"];

impl Route {
    /// Whether it is there for whoever develops, on a machine of their own.
    #[must_use]
    pub fn is_for_development(&self) -> bool {
        self.prefix.starts_with("/dev/")
    }
}
