use crate::support::{Place, checkout, is_set_up};

#[test]
fn every_model_is_listed_with_its_licence_and_whether_it_is_intact() {
    is_set_up();
    let place = Place::new();
    let table = place.run(&["models", "list"]).success().stdout;
    let json = place.run(&["models", "verify", "--json"]).success().json();
    let models = json["models"].as_array().unwrap();
    let classes: Vec<_> = models.iter().map(|model| &model["class"]).collect();
    assert!(
        classes.contains(&&"face".into()) && classes.contains(&&"plate".into()),
        "{json}"
    );
    for model in models {
        let text = |member: &str| model[member].as_str().unwrap();
        for member in ["name", "family", "pack", "version", "licence", "source", "file"] {
            assert!(!text(member).is_empty(), "{member} of {model}");
        }
        assert_eq!(text("sha256").len(), 64);
        assert!(model["bytes"].as_u64().unwrap() > 1000);
        assert!(!model["profiles"].as_array().unwrap().is_empty());
        assert!(model.get("problem").is_none(), "{model}");
        let line = table.lines().find(|line| line.starts_with(text("name"))).unwrap();
        assert!(line.contains(text("licence")) && line.contains(" ok "), "{line}");
    }
}

#[test]
fn a_model_that_is_damaged_or_missing_is_named() {
    is_set_up();
    let place = Place::new();
    let models = checkout().join("assets/models");
    std::fs::create_dir(place.path("assets")).unwrap();
    std::os::unix::fs::symlink(checkout().join("assets/lib"), place.path("assets/lib")).unwrap();
    for entry in std::fs::read_dir(models).unwrap() {
        let entry = entry.unwrap();
        let name = format!("assets/models/{}", entry.file_name().display());
        if name.contains("centerface") {
            place.write(&name, "no model");
        } else if !name.contains("yunet") {
            place.write(&name, std::fs::read(entry.path()).unwrap());
        }
    }
    let args = |command| ["models", command, "--assets-dir", "assets"];
    place.run(&args("verify")).failure(
        1,
        &["error: centerface: ", "sha256", "error: yunet: ", "No such file"],
    );
    let listed = place.run(&args("list")).success();
    assert!(listed.stdout.contains("  bad  "), "{}", listed.stdout);
}

#[test]
fn a_pack_that_cannot_be_used_is_an_error_and_not_left_out() {
    is_set_up();
    let place = Place::new();
    for command in [&["models", "list"][..], &["models", "verify"]] {
        let args = [command, &["--model-pack", "absent"]].concat();
        place.run(&args).failure(1, &["list the models", "absent"]);
    }
    place.write("a.png", b"\x89PNG\r\n\x1a\n");
    place
        .run(&["detect", "a.png", "--model-pack", "absent"])
        .failure(1, &["get the media executable ready", "absent"]);
}
