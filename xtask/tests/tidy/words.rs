//! Rules for names and words, in files of every kind.

use crate::files::File;

/// Lines of ARCHITECTURE.md: what a newcomer reads in one sitting.
const ARCHITECTURE_LINES_MAX: usize = 150;

/// A drawer for everything is a place for nothing.
pub fn vague_names(file: &File) -> Vec<String> {
    const VAGUE: [&str; 8] = [
        "common", "helper", "helpers", "manager", "misc", "util", "utils", "shared",
    ];
    let vague = |part: &str| VAGUE.contains(&part.split('.').next().unwrap_or(part));
    let code = [".rs", ".mjs", ".js", ".css"]
        .iter()
        .any(|end| file.path.ends_with(end));
    if code && file.path.split('/').any(vague) {
        return vec![file.finding(1, "name it for what it holds")];
    }
    Vec::new()
}

/// The platform runs any service; what ours sell is none of its business. The product's name is let through.
pub fn platform_subject(file: &File) -> Vec<String> {
    if !file.path.starts_with("platform/") {
        return Vec::new();
    }
    let objects = |line: &str| {
        line.to_lowercase()
            .replace("ticketing", "")
            .contains("ticket")
    };
    file.objections("the platform does not know what is sold", objects)
}

/// Paths that exist on one machine only.
pub fn machine_paths(file: &File) -> Vec<String> {
    const FOLDERS: [&str; 3] = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
    ];
    let begins_a_path = |line: &str, at: usize| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|sign| !sign.is_alphanumeric() && !"._-}])~*".contains(sign))
    };
    let objects = |line: &str| {
        FOLDERS.iter().any(|folder| {
            line.match_indices(folder)
                .any(|(at, _)| begins_a_path(line, at))
        })
    };
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    file.objections("a path of one machine", objects)
}

/// Where packages come from is each machine's own setting.
pub fn registry_hosts(file: &File) -> Vec<String> {
    const HOSTS: [&str; 7] = [
        concat!("crates", ".io"),
        concat!("registry.npm", "js.org"),
        concat!("registry.yarn", "pkg.com"),
        concat!("pypi", ".org"),
        concat!("files.python", "hosted.org"),
        concat!("deb.deb", "ian.org"),
        concat!("proxy.go", "lang.org"),
    ];
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    file.objections("a registry's host name", |line| {
        HOSTS.iter().any(|host| line.contains(host))
    })
}

/// A longer one is not read.
pub fn architecture_length(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if file.path != "ARCHITECTURE.md" || lines <= ARCHITECTURE_LINES_MAX {
        return Vec::new();
    }
    vec![file.finding(
        ARCHITECTURE_LINES_MAX + 1,
        &format!("{lines} lines; the limit is {ARCHITECTURE_LINES_MAX}"),
    )]
}

/// The settings' variables that the operators' document says nothing of.
pub fn settings_missing<'a>(settings: &'a str, document: &str) -> Vec<&'a str> {
    let variables = settings.split("env = \"").skip(1);
    let names: Vec<&str> = variables
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(!names.is_empty(), "no setting was found");
    let documented = |name: &str| document.contains(&format!("`{name}`"));
    names.into_iter().filter(|name| !documented(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::file;

    #[test]
    fn a_drawer_is_found() {
        assert_eq!(
            vague_names(&file("services/orders/src/util.rs", "")).len(),
            1
        );
        assert_eq!(
            vague_names(&file("services/orders/src/common/mod.rs", "")).len(),
            1
        );
        assert!(vague_names(&file("services/orders/src/commands/cancel.rs", "")).is_empty());
    }

    #[test]
    fn a_platform_that_knows_its_users_is_found() {
        let text =
            "//! Runs a service.\nstruct TicketStore;\nconst PREFIX: &str = \"ticketing_ticket\";";
        assert_eq!(
            platform_subject(&file("platform/src/lib.rs", text)).len(),
            2
        );
        assert!(
            platform_subject(&file(
                "platform/src/lib.rs",
                "const PREFIX: &str = \"TICKETING_\";"
            ))
            .is_empty()
        );
        assert!(platform_subject(&file("contracts/src/lib.rs", "struct Ticket;")).is_empty());
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in ["ro", "wo", "ho"].iter().zip(["ot", "rk", "me"]) {
            let path = format!("/{}{}/data", folder.0, folder.1);
            assert_eq!(machine_paths(&file("README.md", &path)).len(), 1, "{path}");
            assert_eq!(
                machine_paths(&file("README.md", &format!("cd \"{path}\""))).len(),
                1,
                "{path}"
            );
            assert!(
                machine_paths(&file("README.md", &format!("templates{path}"))).is_empty(),
                "{path}"
            );
            assert!(machine_paths(&file("Cargo.lock", &path)).is_empty());
        }
    }

    #[test]
    fn a_registry_is_found() {
        let text = concat!("\"resolved\": \"https://registry.npm", "js.org/axe-core\"");
        assert_eq!(
            registry_hosts(&file("e2e/browser/package-lock.json", text)).len(),
            1
        );
        assert!(registry_hosts(&file("README.md", "https://example.org")).is_empty());
    }

    #[test]
    fn a_long_architecture_is_found() {
        assert_eq!(
            architecture_length(&file("ARCHITECTURE.md", &"\n".repeat(151))).len(),
            1
        );
        assert!(architecture_length(&file("ARCHITECTURE.md", &"\n".repeat(150))).is_empty());
        assert!(architecture_length(&file("docs/EVENTS.md", &"\n".repeat(151))).is_empty());
    }

    #[test]
    fn a_setting_that_nobody_explains_is_found() {
        let settings = "#[arg(long, env = \"TICKETING_A\")]\n#[arg(env = \"TICKETING_B\", long)]";
        assert_eq!(
            settings_missing(settings, "| `TICKETING_A` |"),
            ["TICKETING_B"]
        );
    }
}
