//! The program knows every setting that the manifests give it, and says which one a cluster lacks.

use std::process::Stdio;
use std::time::Duration;

use deploy::manifests::{list, overlay, pod, text};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// How soon a container says that it listens, or why it does not.
const SPEAKS_WITHIN: Duration = Duration::from_secs(20);

/// What became of a container that was started as the manifests say, but for what only a cluster has.
pub enum Outcome {
    Listens,
    /// With this as its last line.
    Ended(String),
}

pub async fn started(container: &Value, settings: &Value) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let mut command = e2e::command(&e2e::program().unwrap(), &[]);
    for argument in list(container, "/args") {
        // Volumes of a cluster are folders here.
        command.arg(argument.as_str().unwrap().trim_start_matches('/'));
    }
    for (name, value) in settings.as_object().unwrap() {
        command.env(name, value.as_str().unwrap().trim_start_matches('/'));
    }
    let log = directory.path().join("log");
    command
        .env("TICKETING_LISTEN", "127.0.0.1:0")
        .env("TICKETING_CONNECT_WITHIN", "1s");
    command
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap());
    let mut process = command.kill_on_drop(true).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    match tokio::time::timeout(SPEAKS_WITHIN, output.next_line())
        .await
        .unwrap()
        .unwrap()
    {
        Some(line) => {
            assert!(line.starts_with("listening on"), "{line}");
            Outcome::Listens
        }
        None => {
            assert!(!process.wait().await.unwrap().success());
            let text = std::fs::read_to_string(log).unwrap();
            Outcome::Ended(text.lines().last().unwrap_or_default().to_owned())
        }
    }
}

/// The settings of a container's ConfigMap, if it has one.
fn settings(container: &Value, objects: &[Value]) -> Value {
    let map = text(container, "/envFrom/0/configMapRef/name");
    let found = objects.iter().find(|object| {
        text(object, "/kind") == "ConfigMap" && text(object, "/metadata/name") == map
    });
    let data = found.and_then(|map| map.pointer("/data"));
    data.cloned().unwrap_or_else(|| serde_json::json!({}))
}

#[tokio::test]
async fn every_container_starts_or_names_the_secret_that_it_lacks() {
    let (mut listening, mut lacking) = (Vec::new(), 0);
    for name in deploy::manifests::OVERLAYS {
        let objects = overlay(name).unwrap();
        for object in &objects {
            let Some(pod) = pod(object) else { continue };
            if text(object, "/kind") == "CronJob" {
                continue; // the cluster itself says which of its Secrets is missing
            }
            let ours = list(pod, "/containers").iter();
            for container in ours.filter(|one| text(one, "/image").starts_with("ticketing:")) {
                let secrets: Vec<&str> = list(container, "/env")
                    .iter()
                    .map(|variable| text(variable, "/name"))
                    .collect();
                match started(container, &settings(container, &objects)).await {
                    Outcome::Listens => listening.push(deploy::manifests::name(object)),
                    Outcome::Ended(last) => {
                        let named = secrets.iter().any(|secret| last.contains(secret));
                        assert!(last.starts_with("error: ") && named, "{name}: {last}");
                        lacking += 1;
                    }
                }
            }
        }
    }
    // These have no secret that they could not do without.
    let gateway = "Deployment gateway";
    assert_eq!(listening, ["StatefulSet shop", gateway, gateway]);
    assert!(lacking > 18, "{lacking}");
}
