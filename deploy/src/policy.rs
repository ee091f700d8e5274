//! What we ask of every pod, whatever a cluster would let pass.

use serde_json::Value;

use crate::manifests::{list, name, pod, text};

/// A rule: what is wrong with an object that makes pods, if anything is.
type Rule = fn(&Value, &Value) -> Vec<String>;

const RULES: [Rule; 6] = [
    who_runs,
    what_it_may,
    what_it_takes,
    which_image,
    whether_it_lives,
    what_it_hears,
];

/// What is wrong with an object that makes pods. Others are let through.
#[must_use]
pub fn complaints(object: &Value) -> Vec<String> {
    let Some(pod) = pod(object) else {
        return Vec::new();
    };
    let found = RULES.iter().flat_map(|rule| rule(object, pod));
    found
        .map(|what| format!("{}: {what}", name(object)))
        .collect()
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/containers")
        .iter()
        .chain(list(pod, "/initContainers"))
}

/// Pod Security "restricted", the pod's part; and no token for the cluster's API.
fn who_runs(_: &Value, pod: &Value) -> Vec<String> {
    let is = |path: &str, wanted: Value| pod.pointer(path) == Some(&wanted);
    let number = |path: &str| pod.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let mut found = Vec::new();
    let mut ask = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    ask(
        is("/securityContext/runAsNonRoot", true.into()),
        "runs as root",
    );
    ask(
        number("/securityContext/runAsUser") > 0,
        "has no user's number",
    );
    ask(
        is(
            "/securityContext/seccompProfile/type",
            "RuntimeDefault".into(),
        ),
        "is not filtered by seccomp",
    );
    ask(
        is("/automountServiceAccountToken", false.into()),
        "has a token for the cluster",
    );
    ask(
        is("/enableServiceLinks", false.into()),
        "gets variables of Services",
    );
    for shared in ["/hostNetwork", "/hostPID", "/hostIPC"] {
        ask(pod.pointer(shared).is_none(), shared);
    }
    let hosts = list(pod, "/volumes")
        .iter()
        .any(|volume| volume.get("hostPath").is_some());
    ask(!hosts, "mounts a folder of its node");
    found
}

/// Pod Security "restricted", each container's part; and no write to its own files.
fn what_it_may(_: &Value, pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for container in containers(pod) {
        for (path, wanted) in [
            (
                "/securityContext/allowPrivilegeEscalation",
                Value::from(false),
            ),
            ("/securityContext/readOnlyRootFilesystem", true.into()),
            ("/securityContext/capabilities/drop", vec!["ALL"].into()),
        ] {
            if container.pointer(path) != Some(&wanted) {
                found.push(format!("{} lacks {path}", text(container, "/name")));
            }
        }
        if container
            .pointer("/securityContext/capabilities/add")
            .is_some()
        {
            found.push(format!("{} adds capabilities", text(container, "/name")));
        }
    }
    found
}

/// Every container says what it needs and what it may take.
fn what_it_takes(_: &Value, pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for container in containers(pod) {
        for part in [
            "requests/cpu",
            "requests/memory",
            "limits/cpu",
            "limits/memory",
        ] {
            if text(container, &format!("/resources/{part}")).is_empty() {
                found.push(format!("{} lacks {part}", text(container, "/name")));
            }
        }
    }
    found
}

/// An image is one of a version, and never the newest there is.
fn which_image(_: &Value, pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for container in containers(pod) {
        let image = text(container, "/image");
        let place = image.rsplit('/').next().unwrap_or_default();
        let is_pinned = image.contains('@')
            || place
                .split_once(':')
                .is_some_and(|(_, tag)| tag != "latest");
        if !is_pinned {
            found.push(format!("the image {image:?} has no version"));
        }
    }
    found
}

/// What goes on for ever is looked after, and has time to stop.
fn whether_it_lives(object: &Value, pod: &Value) -> Vec<String> {
    if matches!(text(object, "/kind"), "Job" | "CronJob") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for container in containers(pod) {
        let is_ours = text(container, "/name") == "ticketing";
        let ours = ["startupProbe", "livenessProbe", "readinessProbe"];
        for probe in ours.iter().skip(usize::from(!is_ours)) {
            if container.get(probe).is_none() {
                found.push(format!("{} lacks {probe}", text(container, "/name")));
            }
        }
        let asks = |probe: &str| text(container, &format!("/{probe}/httpGet/path"));
        if is_ours && (asks("livenessProbe"), asks("readinessProbe")) != ("/healthz", "/readyz") {
            found.push("a probe asks for something else".to_owned());
        }
    }
    found
}

/// A password or a key is a reference, never a text; and what ends a start is told.
fn what_it_hears(_: &Value, pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for container in containers(pod) {
        for variable in list(container, "/env") {
            let value = text(variable, "/value");
            if is_secret(text(variable, "/name"), value) {
                found.push(format!("{} is told in plain text", text(variable, "/name")));
            }
        }
        let is_ours = text(container, "/image").starts_with("ticketing:");
        if is_ours && text(container, "/terminationMessagePolicy") != "FallbackToLogsOnError" {
            found.push("does not tell why it ended".to_owned());
        }
    }
    found
}

/// Whether a setting is one that nobody else may read: it holds a password, or is a key that signs.
#[must_use]
pub fn is_secret(name: &str, value: &str) -> bool {
    let user = value
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'));
    let has_password =
        user.is_some_and(|(user, _)| user.contains(':') || !value.starts_with("postgresql"));
    let is_named = ["PASSWORD", "SECRET", "SESSION_KEY", "TOKEN", "SMTP_URL"]
        .iter()
        .any(|word| name.contains(word));
    !value.is_empty() && (has_password || is_named || value.contains("k4.secret."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
        json!({
            "kind": "Deployment", "metadata": {"name": "orders"},
            "spec": {"template": {"spec": {
                "automountServiceAccountToken": false, "enableServiceLinks": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "ticketing", "image": "ticketing:0.1.0",
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "env": [{"name": "TICKETING_DATABASE_URL", "valueFrom": {}}],
                    "startupProbe": probe("/healthz"), "livenessProbe": probe("/healthz"),
                    "readinessProbe": probe("/readyz"),
                    "resources": {"requests": {"cpu": "1", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }],
            }}},
        })
    }

    /// With this at that path of the pod; `null` takes it away.
    fn with(path: &str, value: Value) -> Vec<String> {
        let mut object = good();
        let (parent, field) = path.rsplit_once('/').unwrap();
        let parent = object
            .pointer_mut(&format!("/spec/template/spec{parent}"))
            .unwrap();
        let fields = parent.as_object_mut().unwrap();
        match value {
            Value::Null => fields.remove(field),
            value => fields.insert(field.to_owned(), value),
        };
        complaints(&object)
    }

    #[test]
    fn a_good_pod_passes() {
        assert_eq!(complaints(&good()), [""; 0]);
    }

    #[test]
    fn whatever_is_taken_away_is_missed() {
        for path in [
            "/automountServiceAccountToken",
            "/enableServiceLinks",
            "/securityContext/runAsNonRoot",
            "/securityContext/runAsUser",
            "/securityContext/seccompProfile",
            "/containers/0/terminationMessagePolicy",
            "/containers/0/startupProbe",
            "/containers/0/livenessProbe",
            "/containers/0/readinessProbe",
            "/containers/0/resources/requests/cpu",
            "/containers/0/resources/limits/memory",
            "/containers/0/securityContext/allowPrivilegeEscalation",
            "/containers/0/securityContext/readOnlyRootFilesystem",
            "/containers/0/securityContext/capabilities/drop",
        ] {
            assert!(!with(path, Value::Null).is_empty(), "{path}");
        }
    }

    #[test]
    fn whatever_is_too_much_is_noticed() {
        let variable = |name: &str, value: &str| json!([{"name": name, "value": value}]);
        for (path, value) in [
            ("/hostNetwork", true.into()),
            (
                "/volumes",
                json!([{"name": "x", "hostPath": {"path": "/"}}]),
            ),
            ("/securityContext/runAsUser", 0.into()),
            ("/containers/0/image", "ticketing".into()),
            ("/containers/0/image", "registry:5000/ticketing".into()),
            ("/containers/0/image", "ticketing:latest".into()),
            (
                "/containers/0/securityContext/capabilities/add",
                json!(["NET_ADMIN"]),
            ),
            (
                "/containers/0/env",
                variable("TICKETING_NATS_URL", "nats://me:secret@host"),
            ),
            ("/containers/0/env", variable("TICKETING_SESSION_KEY", "x")),
            ("/containers/0/env", variable("ANY", "k4.secret.x")),
        ] {
            let found = with(path, value.clone());
            assert_eq!(found.len(), 1, "{path} {value}: {found:?}");
        }
        let harmless = variable("TICKETING_LISTEN", "0.0.0.0:3000");
        assert!(with("/containers/0/env", harmless).is_empty());
    }
}
