//! The manifests as a cluster gets them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{python, root, said_by, target};

/// Every way to install it.
pub const OVERLAYS: [&str; 3] = ["all-in-one", "development", "production"];

/// Stands in for what `ticketing keys` prints, which is no part of the project.
const KEYS: &str = "TICKETING_SESSION_KEY=k4.secret.x\nTICKETING_SESSION_PUBLIC_KEYS=k4.public.x\n\
                    TICKETING_WEBHOOK_SECRETS=whsec_x\n";

/// What an overlay comes to.
///
/// # Errors
/// When kubectl is missing, or refuses it.
pub fn overlay(name: &str) -> Result<Vec<Value>> {
    let copy = Copy::new()?;
    copy.render(&format!("overlays/{name}"))
}

/// The production overlay as its comments say: for a cluster without the Gateway API, with autoscaling
/// by lag.
///
/// # Errors
/// When kubectl is missing, or refuses it.
pub fn production_otherwise() -> Result<Vec<Value>> {
    let copy = Copy::new()?;
    copy.change(
        "overlays/production/kustomization.yaml",
        &[
            (
                "  - ../../components/gateway-api\n",
                "  - ../../components/ingress\n",
            ),
            ("  # Or ../../components/ingress.\n", ""),
            ("  # - ../../components/lag\n", "  - ../../components/lag\n"),
        ],
    )?;
    copy.render("overlays/production")
}

/// A copy of all manifests that may be changed.
pub struct Copy(TempDir);

impl Copy {
    /// Makes one.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn new() -> Result<Self> {
        let copy = tempfile::tempdir()?;
        copy_into(&root().join("deploy").join("kubernetes"), copy.path())?;
        fs::write(copy.path().join("overlays/development/keys.env"), KEYS)?;
        Ok(Self(copy))
    }

    /// Replaces texts in a file.
    ///
    /// # Errors
    /// When one is not there.
    pub fn change(&self, file: &str, changes: &[(&str, &str)]) -> Result<()> {
        let file = self.0.path().join(file);
        let mut text = fs::read_to_string(&file)?;
        for (from, to) in changes {
            ensure!(text.contains(from), "{}: no {from:?}", file.display());
            text = text.replace(from, to);
        }
        Ok(fs::write(file, text)?)
    }

    /// The objects of a folder, as `kubectl apply -k` would send them.
    ///
    /// # Errors
    /// When kubectl is missing, or refuses it.
    pub fn render(&self, folder: &str) -> Result<Vec<Value>> {
        let mut kubectl = Command::new(target().join("tools").join("kubectl"));
        kubectl.arg("kustomize").arg(self.0.path().join(folder));
        let yaml = said_by(&mut kubectl)?;
        let objects: Vec<Value> = serde_json::from_str(&as_json(&yaml)?)?;
        ensure!(!objects.is_empty(), "{folder} is empty");
        Ok(objects)
    }
}

/// The compose file.
///
/// # Errors
/// When it can't be read.
pub fn compose() -> Result<Value> {
    let yaml = fs::read_to_string(root().join("deploy").join("compose.yaml"))?;
    let mut documents: Vec<Value> = serde_json::from_str(&as_json(&yaml)?)?;
    ensure!(documents.len() == 1, "{} documents", documents.len());
    Ok(documents.remove(0))
}

fn copy_into(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            copy_into(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn as_json(yaml: &str) -> Result<String> {
    const CONVERT: &str = "import json, sys, yaml\n\
        json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)\n";
    let mut convert = python();
    convert.args(["-c", CONVERT]);
    told(&mut convert, yaml)
}

/// Runs a command that reads this; what it printed.
///
/// # Errors
/// When it can't be started, or fails: with what it printed.
pub fn told(command: &mut Command, text: &str) -> Result<String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let name = command.get_program().to_owned();
    let mut child = command
        .spawn()
        .with_context(|| name.display().to_string())?;
    let mut input = child.stdin.take().context("it has an input")?;
    // From a thread of its own: it may print before it has read everything.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(text.as_bytes()));
        child.wait_with_output()
    })?;
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A text field of an object, by its path; empty where there is none.
#[must_use]
pub fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A list of an object, by its path; empty where there is none.
#[must_use]
pub fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    let list = object.pointer(path).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// What an object is called in complaints.
#[must_use]
pub fn name(object: &Value) -> String {
    format!(
        "{} {}",
        text(object, "/kind"),
        text(object, "/metadata/name")
    )
}

/// The pod that an object makes, if it makes some.
#[must_use]
pub fn pod(object: &Value) -> Option<&Value> {
    let of_a_cron_job = object.pointer("/spec/jobTemplate/spec/template/spec");
    object.pointer("/spec/template/spec").or(of_a_cron_job)
}
