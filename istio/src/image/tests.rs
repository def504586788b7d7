use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::layout::NoLayout;
use super::*;

/// The least that passes for the filter: an export of the ABI's marker, and a custom section with `payload`.
fn module_with(payload: &[u8]) -> Module {
    let mut bytes = b"\0asm\x01\0\0\0\x07\x1b\x01\x17proxy_abi_version_0_2_1\x00\x00".to_vec();
    bytes.push(0);
    let mut length = payload.len() + 2;
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(b"\x01x");
    bytes.extend_from_slice(payload);
    Module::parse(bytes).unwrap()
}

/// An empty directory of its own for a test.
fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("ambit-image-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn write_layout(image: &Image, directory: &std::path::Path) {
    for (path, bytes) in layout::files(image).unwrap() {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Whatever changes these digests (a compressor, an order of keys, an annotation) changes the digest of every image,
/// so that it has to be said in the release.
#[test]
fn the_image_of_a_module_never_changes() {
    let image = Image::of(&module_with(b"golden")).unwrap();
    let digests: Vec<String> = image.blobs().iter().map(|blob| blob.digest.to_string()).collect();
    assert_eq!(digests, GOLDEN);
    assert_eq!(String::from_utf8_lossy(&image.config.bytes), GOLDEN_CONFIG);
}

const GOLDEN: [&str; 3] = [
    "sha256:b89fcd777fb21a5d2f4c5473e6451564095021691122ca2f2b26e3e51cf5d93c",
    "sha256:7d300ab1e1506f8cb313f5c56092c630ce1d731abf905cad6a5453e3e6547679",
    "sha256:bfbeebcf1e07518f92ba5a0a38e46c35a75adfa91b98cd9f3e2ca2d203e5adb9",
];
const GOLDEN_CONFIG: &str = "{\"architecture\":\"wasm\",\"os\":\"wasip1\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\
    \"diff_ids\":[\"sha256:b6d57f74642940e3df31907744b3a3793e273217494f6c78ff8628236eadc5b5\"]}}";

proptest! {
    /// The same each time; read back as it was, by the rules of istio-agent; and known again as our own.
    #[test]
    fn an_image_is_made_and_read_alike(payload in prop::collection::vec(any::<u8>(), 0..2000)) {
        let module = module_with(&payload);
        let image = Image::of(&module).unwrap();
        prop_assert_eq!(&image, &Image::of(&module).unwrap());
        let accepted = accept::<NotAccepted>(&image.manifest.bytes, |layer| {
            assert_eq!(*layer, image.layer.descriptor());
            Ok(image.layer.bytes.clone())
        }).unwrap();
        prop_assert_eq!(
            accepted,
            Accepted { digest: image.digest(), shape: Shape::OciCompat, module, reproduced: true }
        );
    }

    /// Nothing that is not well formed gets into an image, and nothing panics.
    #[test]
    fn bytes_are_an_allegation(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Module::parse(bytes.clone());
        let _ = Module::parse([b"\0asm\x01\0\0\0".as_slice(), &bytes].concat());
        let _ = Manifest::parse(&bytes);
        let _ = layer::unpack(&bytes);
    }

    /// A written reference is read back as it was.
    #[test]
    fn references_are_read_back(
        host in "[a-z]{1,8}(\\.[a-z]{1,8}){1,2}(:[1-9][0-9]{0,3})?",
        repository in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5})?(/[a-z0-9]{1,5}){0,2}",
        tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
        digest in prop::option::of(any::<u64>()),
    ) {
        let mut text = format!("{host}/{repository}");
        if let Some(tag) = &tag {
            text.push_str(&format!(":{tag}"));
        }
        let digest = digest.map(|number| Digest::of(&number.to_le_bytes()));
        if let Some(digest) = digest {
            text.push_str(&format!("@{digest}"));
        }
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text.clone());
        prop_assert_eq!((reference.registry(), reference.repository()), (host.as_str(), repository.as_str()));
        prop_assert_eq!((reference.tag(), reference.digest()), (tag.as_deref(), digest));
        prop_assert_eq!(format!("oci://{text}").parse::<Reference>().unwrap(), reference);
    }
}

#[test]
fn what_refers_to_no_image() {
    let digest = Digest::of(b"");
    let cases: [(&str, &str, Option<&str>); 16] = [
        ("", "no registry", Some("a reference is `registry/repository:tag`")),
        ("filter:1", "no registry", Some("registry.example.com/filter:TAG")),
        ("ambit/filter", "no registry", Some("registry.example.com/ambit/filter:TAG")),
        ("https://r.example/a:1", "`https://` is no part", Some("write `r.example/a:1`")),
        ("r.example/", "the repository has to be 1 to 255 bytes long", None),
        ("r.example/Ambit/filter:1", "has capital letters", Some("write `ambit/filter`")),
        ("r.example/a//b:1", "`` is no part of a repository", None),
        ("r.example/-a:1", "`-a` is no part of a repository", None),
        ("r.example/a..b:1", "`a..b` is no part of a repository", None),
        ("r.example/a:", "`` is no tag", None),
        ("r.example/a:.x", "`.x` is no tag", None),
        ("r.example/a:b:c", "`b:c` is no tag", None),
        ("r.example:port/a:1", "no registry", None),
        ("r.example/a@sha256:12", "`sha256:12` is no digest", Some("64 hexadecimal digits")),
        ("r.example/a@sha512:12", "`sha512:12` is no digest", None),
        ("r.example/a b:1", "`a b` is no part of a repository", None),
    ];
    for (text, what, help) in cases {
        let error = text.parse::<Reference>().unwrap_err();
        assert!(error.to_string().contains(what), "{text}: {error}");
        if let Some(help) = help {
            assert!(error.advice().unwrap().contains(help), "{text}: {:?}", error.advice());
        }
    }
    let upper = format!("r.example/a@sha256:{}", digest.hex().to_uppercase());
    assert!(upper.parse::<Reference>().is_err());
    assert!(format!("r.example/{}:1", "a".repeat(600)).parse::<Reference>().is_err());
    let hub: Reference = "docker.io/ambit/filter:1".parse().unwrap();
    assert_eq!(hub.credentials_key(), "https://index.docker.io/v1/");
}

/// A gzipped archive of files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// What istio-agent makes of images that others made (host facts, 3.1), layer by layer.
#[test]
fn images_of_others() {
    let module = module_with(b"x");
    let wasm = module.bytes();
    let compat = archive(&[("etc/hosts", b"x"), ("a/b/plugin.wasm", wasm), ("plugin.wasm", b"second")]);
    let none = archive(&[("other.wasm", wasm)]);
    let text = archive(&[("plugin.wasm", b"not wasm")]);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..=64 {
        bomb.write_all(&vec![b'a'; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let mut plain = tar::Builder::new(Vec::new());
    plain.append_data(&mut tar::Header::new_gnu(), "plugin.wasm", [].as_slice()).unwrap();
    let plain = plain.into_inner().unwrap();

    let (oci, docker) = (manifest::OCI_MANIFEST, manifest::DOCKER_MANIFEST);
    let gzip = manifest::OCI_LAYER;
    let docker_gzip = manifest::DOCKER_LAYER;
    let wasm_layer = manifest::ARTIFACT_LAYER;
    let config = "application/vnd.module.wasm.config.v1+json";
    // The manifest's media type, its layers' media types, the bytes of the one that counts, and what comes of it.
    type Case<'a> = (Option<&'a str>, &'a [&'a str], &'a [u8], Result<Shape, &'a str>);
    let cases: [Case<'_>; 17] = [
        (Some(oci), &[gzip], &compat, Ok(Shape::OciCompat)),
        (None, &[gzip], &compat, Ok(Shape::OciCompat)),
        (Some(oci), &["whatever", gzip], &compat, Ok(Shape::OciCompat)),
        (Some(docker), &[docker_gzip], &compat, Ok(Shape::DockerCompat)),
        (Some(oci), &[wasm_layer, config], wasm, Ok(Shape::Artifact)),
        (Some(oci), &[config, wasm_layer], wasm, Ok(Shape::Artifact)),
        (Some(oci), &[wasm_layer], wasm, Err("no layer that istio-agent takes a module from")),
        (Some(oci), &["application/wasm"], wasm, Err("(the last one is `application/wasm`)")),
        (Some(docker), &[gzip], &compat, Err("no layer that istio-agent takes a module from")),
        (Some(oci), &[docker_gzip], &compat, Err("no layer that istio-agent takes a module from")),
        (Some(oci), &["application/vnd.oci.image.layer.v1.tar+zstd"], &compat, Err("no layer that")),
        (Some(oci), &[], &compat, Err("an image without layers")),
        (Some(oci), &[gzip], &none, Err("a layer without a file `plugin.wasm`")),
        (Some(oci), &[gzip], &text, Err("not WebAssembly")),
        (Some(oci), &[gzip], &plain, Err("a layer that is no gzipped archive")),
        (Some(oci), &[gzip], &bomb, Err("a layer")),
        (Some(oci), &[wasm_layer, config], &compat, Err("not WebAssembly")),
    ];
    for (media_type, layers, bytes, expected) in cases {
        let digest = Digest::of(bytes).to_string();
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| json!({"mediaType": layer, "digest": digest, "size": bytes.len()}))
            .collect();
        let mut manifest = json!({"schemaVersion": 2, "layers": layers, "annotations": {"x": "y"}});
        if let Some(media_type) = media_type {
            manifest["mediaType"] = json!(media_type);
        }
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let what = String::from_utf8_lossy(&manifest).into_owned();
        let actual = accept::<NotAccepted>(&manifest, |_| Ok(bytes.to_vec()));
        match (actual, expected) {
            (Ok(accepted), Ok(shape)) => {
                assert_eq!((accepted.shape, accepted.module.bytes()), (shape, wasm), "{what}");
                assert!(!accepted.reproduced, "{what}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{what}: {error}"),
            (actual, expected) => panic!("{what}: {actual:?}, not {expected:?}"),
        }
    }
}

#[test]
fn what_is_no_manifest() {
    let index = json!({"schemaVersion": 2, "manifests": [], "layers": []}).to_string();
    let layer = json!({"mediaType": "x", "digest": "sha256:0", "size": 1});
    let many = json!({"layers": vec![layer; limits::MAX_LAYERS + 1]}).to_string();
    for (text, expected) in [
        ("", "not the manifest of an image"),
        ("[]", "not the manifest of an image"),
        ("{\"layers\": [{\"size\": -1}]}", "not the manifest of an image"),
        (index.as_str(), "an index of several images"),
        (many.as_str(), "more than 128 layers"),
    ] {
        let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_no_module() {
    let abi = b"\x07\x1b\x01\x17proxy_abi_version_0_2_1\x00\x00";
    let import = |module: &str, name: &str| {
        let mut body = vec![1, module.len() as u8];
        body.extend_from_slice(module.as_bytes());
        body.push(name.len() as u8);
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0, 0]);
        [vec![2, body.len() as u8], body].concat()
    };
    let core = b"\0asm\x01\0\0\0".as_slice();
    let wasi = import("wasi_snapshot_preview1", "fd_write");
    let other = import("env", "abort");
    let proxy = import("env", "proxy_log");
    let cases: [(Vec<u8>, Option<&str>); 10] = [
        (Vec::new(), Some("not WebAssembly")),
        (b"\0asm".to_vec(), Some("not WebAssembly")),
        (b"\x7fELF\x02\x01\x01\0\0".to_vec(), Some("not WebAssembly")),
        (b"\0asm\x0d\0\x01\0".to_vec(), Some("a WebAssembly component")),
        (core.to_vec(), Some("not a Proxy-Wasm module")),
        ([core, &[7, 200]].concat(), Some("damaged or cut off, at byte")),
        ([core, wasi.as_slice(), abi].concat(), Some("it imports `wasi_snapshot_preview1.fd_write`")),
        ([core, other.as_slice(), abi].concat(), Some("it imports `env.abort`")),
        ([core, proxy.as_slice(), abi].concat(), None),
        (vec![0; (16 << 20) + 1], Some("longer than 16777216 bytes")),
    ];
    for (bytes, expected) in cases {
        let what = format!("{:02x?}", &bytes[..bytes.len().min(40)]);
        match (Module::parse(bytes), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{what}: {error}"),
            (actual, expected) => panic!("{what}: {actual:?}, not {expected:?}"),
        }
    }
}

/// Of an image on disk, no bit can change without being noticed.
#[test]
fn a_layout_is_held_to_its_digests() {
    let directory = directory("layout");
    let image = Image::of(&module_with(b"layout")).unwrap();
    write_layout(&image, &directory);
    let accepted = layout::read(&directory).unwrap();
    assert_eq!((accepted.digest, accepted.reproduced), (image.digest(), true));
    for blob in image.blobs() {
        let path = directory.join("blobs/sha256").join(blob.digest.hex());
        let mut bytes = blob.bytes.clone();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = layout::read(&directory).unwrap_err();
        assert!(matches!(error, NoLayout::NotAccepted(NotAccepted::Altered { .. })), "{error:?}");
        fs::remove_file(&path).unwrap();
        assert!(matches!(layout::read(&directory).unwrap_err(), NoLayout::File { .. }));
        fs::write(&path, &blob.bytes).unwrap();
    }
    let index = directory.join(layout::INDEX);
    let whole = fs::read_to_string(&index).unwrap();
    let descriptor = whole.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
    let twice = whole.replace(descriptor, &format!("{descriptor},{descriptor}"));
    let escape = whole.replace("sha256:", "sha256:../");
    for (text, expected) in [
        (twice.as_str(), "an image layout of 2 images, not of one"),
        (escape.as_str(), "is not a SHA-256 digest"),
        ("{}", "an image layout with a malformed `index.json`"),
    ] {
        fs::write(&index, text).unwrap();
        let error = layout::read(&directory).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    fs::remove_file(directory.join(layout::MARKER)).unwrap();
    assert!(matches!(layout::read(&directory).unwrap_err(), NoLayout::NotALayout));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn where_credentials_come_from() {
    let directory = directory("credentials");
    let (docker, podman) = (directory.join("config.json"), directory.join("auth.json"));
    let files = [directory.join("missing.json"), docker.clone(), podman.clone()];
    let reference: Reference = "r.example:5000/ambit/filter:1".parse().unwrap();
    let find = || Credentials::find(&reference, &files);
    let password = |user: &str, password: &str| {
        Ok(Credentials::Password { user: user.to_owned(), password: password.to_owned() })
    };
    assert_eq!(find(), Ok(Credentials::Anonymous));
    // `ana:pass:word` in base64, under the registry's own name and under a URL of it.
    for key in ["r.example:5000", "https://r.example:5000/v1/"] {
        fs::write(&docker, json!({"auths": {key: {"auth": "YW5hOnBhc3M6d29yZA=="}}}).to_string()).unwrap();
        assert_eq!(find(), password("ana", "pass:word"), "{key}");
    }
    fs::write(&docker, json!({"auths": {"other.example": {"auth": "YW5hOng="}}}).to_string()).unwrap();
    assert_eq!(find(), Ok(Credentials::Anonymous));
    fs::write(&podman, json!({"auths": {"r.example:5000": {"auth": "Ym9iOng="}}}).to_string()).unwrap();
    assert_eq!(find(), password("bob", "x"));
    assert_eq!(format!("{:?}", find().unwrap()), "Password of \"bob\"");
    for (text, expected) in [
        ("{", "is not JSON of the form of docker's configuration"),
        (r#"{"auths": {"r.example:5000": {"auth": "!"}}}"#, "is not `user:password` in base64"),
        (r#"{"auths": {"r.example:5000": {"identitytoken": "t"}}}"#, "has an identity token"),
        (r#"{"credHelpers": {"r.example:5000": "no-such-helper"}}"#, "credential helper cannot be run"),
    ] {
        fs::write(&docker, text).unwrap();
        let error = find().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    fs::remove_dir_all(directory).unwrap();
}
