//! `ambit image` and a real registry: what is pushed is what is pulled, byte for byte, by this command and by another
//! tool; and what must not go through does not.
//!
//! The registry and `skopeo` are those of Debian's packages, fetched at first use. Where they cannot be had, the tests
//! count as ignored, and a loud line says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ambit_harness::client::{Endpoint, Request};
use ambit_harness::debian::{self, Unpacked};
use ambit_harness::{artifact, registry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

/// A user of a registry as `htpasswd -B` writes it, and the password.
const USER: &str = "ana:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki";
const PASSWORD: &str = "pass:word";

fn say(line: &str) {
    eprintln!("{line}");
}

fn main() {
    let mut arguments = Arguments::from_args();
    // One at a time: the first builds the module that both push.
    arguments.test_threads = Some(1);
    let programs = debian::program(registry::PROGRAM, &say)
        .and_then(|registry| Ok((registry, debian::program("skopeo", &say)?)));
    if let Err(problem) = &programs {
        eprintln!("*** NOT CHECKED: there is no registry to push an image to: {problem}");
    }
    let missing = programs.is_err();
    let trial = |name: &str, run: fn(&Unpacked, &Unpacked)| {
        let programs = programs.as_ref().ok().cloned();
        let trial = Trial::test(name, move || {
            let (registry, skopeo) = programs.ok_or("there is no registry")?;
            run(&registry, &skopeo);
            Ok(())
        });
        trial.with_ignored_flag(missing)
    };
    let trials = vec![
        trial("what_is_pushed_is_what_is_pulled", what_is_pushed_is_what_is_pulled),
        trial("a_registry_that_wants_to_know_who_asks", a_registry_that_wants_to_know_who_asks),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// An empty directory, in which the command finds the credentials of nobody.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs the command with the credentials of a directory.
fn ambit(credentials: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ambit"));
    command.env_remove("XDG_RUNTIME_DIR").env_remove("REGISTRY_AUTH_FILE").env("DOCKER_CONFIG", credentials);
    command.args(arguments).output().unwrap()
}

/// What a command prints that must go well.
#[track_caller]
fn fine(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

/// That a command ends with a status, and says why.
#[track_caller]
fn refused(output: &Output, status: i32, expected: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(expected), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
}

fn log_in(directory: &Path, registry: &str, password: &str) {
    let auth = STANDARD.encode(format!("ana:{password}"));
    let config = json!({"auths": {registry: {"auth": auth}}});
    fs::write(directory.join("config.json"), config.to_string()).unwrap();
}

fn what_is_pushed_is_what_is_pulled(program: &Unpacked, skopeo: &Unpacked) {
    let directory = directory("registry-open");
    let server = registry::Registry::start(program, &directory.join("registry"), None).unwrap();
    let module = artifact::filter(&say).unwrap();
    let module = module.to_str().unwrap();
    let repository = format!("{}/ambit/filter", server.address());
    let run = |arguments: &[&str]| ambit(&directory, arguments);
    let push = |reference: &str, more: &[&str]| {
        run(&[&["image", "push", reference, "--plain-http", "--module", module], more].concat())
    };
    let verify = |reference: &str, more: &[&str]| {
        run(&[&["image", "verify", reference, "--plain-http"], more].concat())
    };

    let layout = directory.join("layout");
    let built = fine(&run(&["image", "build", "--module", module, "-o", layout.to_str().unwrap()]));
    let digest =
        built.lines().find_map(|line| line.split_whitespace().find(|word| word.starts_with("sha256:")));
    let digest = digest.unwrap().to_owned();
    let pinned = format!("{repository}@{digest}");

    // Without a tag none is made, and the image is there by its digest alone.
    assert_eq!(fine(&push(&repository, &[])), pinned);
    refused(&verify(&format!("{repository}:latest"), &[]), 2, "there is no image");
    let said = fine(&verify(&pinned, &["--module", module]));
    assert!(said.contains(&digest) && said.contains("reproduced: yes"), "{said}");

    // With a tag the same reference comes out, and again when all is there already.
    for _ in 0..2 {
        assert_eq!(fine(&push(&format!("{repository}:0.1.0"), &[])), pinned);
    }
    assert_eq!(fine(&push(&pinned, &[])), pinned);

    // Every blob that was built is what the registry gives out, fetched by hand.
    let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap());
    let mut compared = 0;
    for entry in blobs {
        let name = format!("sha256:{}", entry.file_name().to_str().unwrap());
        let kind = if name == digest { "manifests" } else { "blobs" };
        let endpoint = Endpoint::plain(server.address(), &server.address().to_string());
        let request = Request::get(&format!("/v2/ambit/filter/{kind}/{name}"))
            .header("accept", "application/vnd.oci.image.manifest.v1+json");
        let response = endpoint.send(&request).unwrap();
        assert_eq!(response.status, 200, "{name}");
        assert!(response.body == fs::read(entry.path()).unwrap(), "{name} came back changed");
        compared += 1;
    }
    assert_eq!(compared, 3);

    // Another tool sees the same image, and mirrors it without changing it.
    let image = format!("docker://{repository}:0.1.0");
    let skopeo = |arguments: &[&str]| {
        let mut command = skopeo.command();
        command.current_dir(&directory).env("HOME", &directory).env_remove("XDG_RUNTIME_DIR");
        fine(&command.arg("--insecure-policy").args(arguments).output().unwrap())
    };
    let seen: Value = serde_json::from_str(&skopeo(&["inspect", "--tls-verify=false", &image])).unwrap();
    assert_eq!(seen["Digest"], json!(digest));
    assert_eq!(seen["RepoTags"], json!(["0.1.0"]));
    assert_eq!(seen["Layers"].as_array().unwrap().len(), 1);
    let mirror = format!("docker://{}/mirror/filter:0.1.0", server.address());
    let insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    skopeo(&[&["copy", "--quiet", "--preserve-digests"], &insecure[..], &[&image, &mirror]].concat());
    fine(&verify(&format!("{}/mirror/filter@{digest}", server.address()), &["--module", module]));

    // Another digest than the image's is not pushed, and not pulled.
    let other = format!("{repository}@sha256:{}", "0".repeat(64));
    refused(&push(&other, &[]), 2, &format!("the image is `{digest}`, not `sha256:000"));
    refused(&verify(&other, &[]), 2, "there is no image");
    // Another module is another image, and a tag that moves is noticed.
    let changed = directory.join("changed.wasm");
    let mut bytes = fs::read(module).unwrap();
    // An empty custom section, called `x`.
    bytes.extend_from_slice(&[0, 2, 1, b'x']);
    fs::write(&changed, bytes).unwrap();
    let changed = changed.to_str().unwrap();
    let moved = run(&["image", "push", &format!("{repository}:0.1.0"), "--plain-http", "--module", changed]);
    assert_ne!(fine(&moved), pinned);
    let tagged = format!("{repository}:0.1.0");
    refused(&verify(&tagged, &["--module", module]), 1, "the module in the image is another");
    refused(
        &verify(&format!("{tagged}@{digest}"), &["--module", changed]),
        1,
        "the module in the image is another",
    );
    fine(&verify(&format!("{tagged}@{digest}"), &["--module", module]));

    // A blob that the registry's disk changed: noticed, whoever vouches for it.
    let storage = directory.join("registry/storage/docker/registry/v2/blobs/sha256");
    let layer = seen["Layers"][0].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let blob = storage.join(&layer[..2]).join(layer).join("data");
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let altered = verify(&pinned, &[]);
    assert!(!altered.status.success(), "{}", String::from_utf8_lossy(&altered.stdout));
}

fn a_registry_that_wants_to_know_who_asks(program: &Unpacked, _: &Unpacked) {
    let directory = directory("registry-closed");
    let users = directory.join("users");
    fs::write(&users, format!("{USER}\n")).unwrap();
    let server = registry::Registry::start(program, &directory.join("registry"), Some(&users)).unwrap();
    let host = server.address().to_string();
    let module = artifact::filter(&say).unwrap();
    let tagged = format!("{host}/ambit/filter:0.1.0");
    let push = || {
        ambit(&directory, &["image", "push", &tagged, "--plain-http", "--module", module.to_str().unwrap()])
    };
    let verify = || ambit(&directory, &["image", "verify", &tagged, "--plain-http"]);

    refused(&push(), 2, "not authorized");
    refused(&push(), 2, &format!("no credentials for `{host}` were found"));
    log_in(&directory, &host, "wrong");
    refused(&push(), 2, "it was asked as `ana`");
    log_in(&directory, &host, PASSWORD);
    let pinned = fine(&push());
    assert!(fine(&verify()).contains("reproduced: yes"));
    assert!(pinned.starts_with(&format!("{host}/ambit/filter@sha256:")), "{pinned}");
    // Without TLS where there is none is an error that says so, and no fallback.
    let secure = ambit(&directory, &["image", "verify", &tagged]);
    refused(&secure, 2, "does not speak TLS");

    log_in(&directory, &host, "wrong");
    refused(&verify(), 2, "it was asked as `ana`");
    fs::write(directory.join("config.json"), "{}").unwrap();
    refused(&verify(), 2, &format!("no credentials for `{host}` were found"));
}
