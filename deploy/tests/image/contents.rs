//! What is in the image, and what it says of itself.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use deploy::tools::{python, said_by};
use serde_json::{Value, json};

use crate::image;

/// What an image may weigh, in bytes. The program that people get is half as large as the one here.
const SIZE_MAX: u64 = 60_000_000;

#[test]
fn it_holds_the_program_and_what_it_is_made_of() {
    let image = image();
    let mut names = Vec::new();
    let mut size = 0;
    for entry in std::fs::read_dir(&image.files).unwrap() {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(about.is_file(), "{name}");
        // Nobody in the image may change anything in it.
        assert_eq!(
            (about.uid(), about.permissions().mode() & 0o022),
            (0, 0),
            "{name}"
        );
        size += about.size();
        names.push(name);
    }
    names.sort_unstable();
    assert_eq!(names, ["LICENSE", "sbom.cdx.json", "ticketing"]);
    assert!(size < SIZE_MAX, "{size} bytes");
    println!("{size} bytes");
    let layers = image
        .config
        .get("rootfs")
        .and_then(|files| files.get("diff_ids"));
    assert!(
        layers.and_then(Value::as_array).unwrap().len() <= 2,
        "nothing else lies below"
    );
}

#[test]
fn it_says_what_it_is_and_runs_as_nobody() {
    let image = image();
    assert_eq!(image.setting("User"), "65532:65532");
    assert_eq!(image.list("Entrypoint"), ["/ticketing"]);
    assert_eq!(image.setting("ExposedPorts"), &json!({"3000/tcp": {}}));
    let listen = "TICKETING_LISTEN=0.0.0.0:3000".to_owned();
    assert!(image.list("Env").contains(&listen));
    let labels = image.setting("Labels");
    for (label, value) in [
        ("title", "ticketing"),
        ("licenses", "Apache-2.0"),
        ("version", "1.2.3"),
        ("revision", "abc"),
        ("created", "2026-01-01T00:00:00Z"),
    ] {
        let name = format!("org.opencontainers.image.{label}");
        assert_eq!(
            labels.get(&name).and_then(Value::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(labels.get("org.opencontainers.image.description").is_some());
}

#[test]
fn its_bill_of_materials_is_one() {
    const VALIDATE: &str = "import sys\n\
        from cyclonedx.schema import SchemaVersion\n\
        from cyclonedx.validation.json import JsonStrictValidator\n\
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.argv[1] and open(sys.argv[1]).read())\n\
        sys.exit(repr(wrong)[:2000] if wrong else 0)\n";
    let image = image();
    let file = image.files.join("sbom.cdx.json");
    let mut validate = python();
    validate.args(["-c", VALIDATE]).arg(&file);
    said_by(&mut validate).unwrap();
    let bill: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let components = bill["components"].as_array().unwrap();
    let names: Vec<&str> = components
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    for linked in ["platform", "rustls", "libsqlite3-sys", "tokio", "glibc"] {
        assert!(names.contains(&linked), "no {linked}");
    }
    for only_in_tests in ["proptest", "testing", "xtask", "deploy"] {
        assert!(!names.contains(&only_in_tests), "{only_in_tests}");
    }
}
