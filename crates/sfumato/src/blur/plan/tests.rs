use super::*;

const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 0];

struct Tree(tempfile::TempDir);

impl Tree {
    /// Files with the content of a JPEG, but for those that end in `.txt`.
    fn with(files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let content = if file.ends_with(".txt") { b"words" } else { JPEG };
            std::fs::write(path, content).unwrap();
        }
        Self(dir)
    }

    fn plan(&self, inputs: &[&str], output: &str) -> Result<Plan, PlanError> {
        let inputs: Vec<_> = inputs.iter().map(|input| self.0.path().join(input)).collect();
        Plan::new(&inputs, &self.0.path().join(output))
    }

    fn pairs(&self, plan: &Plan) -> Vec<(String, String)> {
        let name = |path: &Path| path.strip_prefix(self.0.path()).unwrap().display().to_string();
        plan.files
            .iter()
            .map(|file| (name(&file.input), name(&file.output)))
            .collect()
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn one_file_becomes_a_file_of_any_name_or_goes_into_a_folder() {
    let tree = Tree::with(&["a.jpg", "folder/x.txt"]);
    for (output, expected) in [
        ("b.jpg", "b.jpg"),
        ("new/b.jpg", "new/b.jpg"),
        ("folder", "folder/a.jpg"),
        ("new/", "new/a.jpg"),
    ] {
        let plan = tree.plan(&["a.jpg"], output).unwrap();
        assert_eq!(tree.pairs(&plan), pairs(&[("a.jpg", expected)]), "{output}");
        assert!(plan.single_file);
    }
}

#[test]
fn a_folder_keeps_its_tree_and_what_is_no_media_is_skipped() {
    let tree = Tree::with(&["in/b.jpg", "in/deep/er/a.jpg", "in/notes.txt", "in/deep/more.txt"]);
    let plan = tree.plan(&["in"], "out").unwrap();
    let expected = [
        ("in/b.jpg", "out/b.jpg"),
        ("in/deep/er/a.jpg", "out/deep/er/a.jpg"),
    ];
    assert_eq!(tree.pairs(&plan), pairs(&expected));
    assert_eq!(
        (plan.skipped.files, plan.failures.len(), plan.single_file),
        (2, 0, false)
    );
}

#[test]
fn among_several_inputs_a_folder_keeps_its_name() {
    let tree = Tree::with(&["one/a.jpg", "two/a.jpg", "c.jpg"]);
    let plan = tree.plan(&["one", "two", "c.jpg"], "out").unwrap();
    let expected = [
        ("one/a.jpg", "out/one/a.jpg"),
        ("two/a.jpg", "out/two/a.jpg"),
        ("c.jpg", "out/c.jpg"),
    ];
    assert_eq!(tree.pairs(&plan), pairs(&expected));
}

#[test]
fn a_pattern_that_no_shell_has_expanded_gives_the_tree_below_its_fixed_part() {
    let tree = Tree::with(&["in/a.jpg", "in/b.png", "in/deep/c.jpg"]);
    let plan = tree.plan(&["in/**/*.jpg"], "out").unwrap();
    let expected = [("in/a.jpg", "out/a.jpg"), ("in/deep/c.jpg", "out/deep/c.jpg")];
    assert_eq!(tree.pairs(&plan), pairs(&expected));
    let plan = tree.plan(&["in/*.gif"], "out").unwrap();
    assert_eq!(plan.failures[0].reason, "no file matches");
}

#[test]
fn a_file_that_was_named_and_is_no_media_or_not_there_is_a_failure() {
    let tree = Tree::with(&["a.jpg", "b.txt"]);
    let plan = tree.plan(&["a.jpg", "b.txt", "c.jpg"], "out").unwrap();
    assert_eq!(plan.files.len(), 1);
    let reasons: Vec<_> = plan
        .failures
        .iter()
        .map(|refused| refused.reason.as_str())
        .collect();
    assert!(
        reasons[0]
            .contains("no supported format (jpeg, png, webp, bmp, tiff, mp4, mov, avi, mkv, webm, zip)"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("no such file"), "{reasons:?}");
}

#[test]
fn what_is_no_regular_file_is_refused_where_it_is_named_and_counted_in_a_folder() {
    let tree = Tree::with(&["in/a.jpg", "in/b.txt"]);
    let at = |name: &str| tree.0.path().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, at("in/fifo.jpg"), rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::fs::symlink("nowhere", at("in/dangling.jpg")).unwrap();
    let named = tree.plan(&["in/fifo.jpg"], "out.jpg").unwrap();
    assert_eq!(
        named.failures[0].reason,
        "failed to read it: it is no regular file"
    );
    let folder = tree.plan(&["in"], "out").unwrap();
    assert_eq!((folder.skipped.files, folder.skipped.others), (1, 2));
    assert_eq!((folder.files.len(), folder.failures.len()), (1, 0));
}

#[test]
fn a_dash_is_refused_since_it_means_a_pipe_elsewhere() {
    let tree = Tree::with(&["a.jpg"]);
    let input = tree.0.path().join("a.jpg");
    let refused = |plan: Result<Plan, PlanError>| {
        let said = plan.unwrap_err().to_string();
        assert!(said.contains("standard input") && said.contains("./-"), "{said}");
    };
    refused(Plan::new(&["-".into()], Path::new("out.jpg")));
    refused(Plan::new(std::slice::from_ref(&input), Path::new("-")));
    refused(Plan::to_look_at(&["-".into()], None));
    refused(Plan::to_look_at(
        std::slice::from_ref(&input),
        Some(Path::new("-")),
    ));
    let plan = Plan::new(&[input], Path::new("./-")).unwrap();
    let refused = plan.check_detections(Path::new("-")).unwrap_err();
    assert!(matches!(refused, PlanError::Dash { .. }), "{refused}");
}

#[test]
fn an_output_whose_name_promises_another_format_is_told() {
    let tree = Tree::with(&["a.jpg", "wrong.png", "bare"]);
    let misnamed = |input: &str, output: &str| {
        let plan = tree.plan(&[input], output).unwrap();
        plan.files[0].misnamed()
    };
    let said = misnamed("a.jpg", "out.PNG").unwrap();
    assert!(said.starts_with("the result is jpeg, as the input is"), "{said}");
    assert!(misnamed("a.jpg", "out.txt").is_some());
    assert_eq!(misnamed("a.jpg", "out.JPEG"), None);
    assert_eq!(misnamed("a.jpg", "out"), None);
    assert_eq!(misnamed("wrong.png", "new/"), None);
    assert_eq!(misnamed("wrong.png", "right.jpg"), None);
    assert!(misnamed("bare", "out.webp").is_some());
}

#[test]
fn no_output_is_an_input_by_whatever_name() {
    let tree = Tree::with(&["in/a.jpg", "in/b.jpg"]);
    std::fs::hard_link(tree.0.path().join("in/a.jpg"), tree.0.path().join("twin.jpg")).unwrap();
    for (inputs, output) in [
        (&["in/a.jpg"][..], "in/a.jpg"),
        (&["in/a.jpg"], "in/../in/a.jpg"),
        (&["in/a.jpg"], "twin.jpg"),
        (&["in"], "in"),
        (&["in/a.jpg", "in/b.jpg"], "in"),
    ] {
        let refused = tree.plan(inputs, output);
        assert!(
            matches!(refused, Err(PlanError::OverwritesInput { .. })),
            "{inputs:?} {refused:?}"
        );
    }
    let plan = tree.plan(&["in/a.jpg"], "out.jpg").unwrap();
    let detections = |name: &str| plan.check_detections(&tree.0.path().join(name));
    assert!(matches!(
        detections("in/a.jpg"),
        Err(PlanError::OverwritesInput { .. })
    ));
    assert!(matches!(detections("out.jpg"), Err(PlanError::Collision { .. })));
    assert_eq!(detections("out.json"), Ok(()));
}

#[test]
fn two_inputs_never_become_one_output() {
    let tree = Tree::with(&["one/a.jpg", "two/a.jpg", "file"]);
    let refused = tree.plan(&["one/a.jpg", "two/a.jpg"], "out");
    assert!(matches!(refused, Err(PlanError::Collision { .. })), "{refused:?}");
    let refused = tree.plan(&["one", "two"], "file");
    assert!(
        matches!(refused, Err(PlanError::NotAFolder { .. })),
        "{refused:?}"
    );
}

#[test]
fn the_results_of_an_earlier_run_within_the_folder_are_not_done_again() {
    let tree = Tree::with(&["in/a.jpg", "in/out/a.jpg"]);
    let plan = tree.plan(&["in"], "in/out").unwrap();
    assert_eq!(tree.pairs(&plan), pairs(&[("in/a.jpg", "in/out/a.jpg")]));
}
#[test]
fn documents_are_named_after_their_pictures_and_places_follow_the_inputs() {
    let tree = Tree::with(&["b.jpg", "in/a.jpg", "in/a.png", "n.txt", "file.jpg.json"]);
    let look = |inputs: &[&str], documents: Option<&str>| {
        let inputs: Vec<_> = inputs.iter().map(|input| tree.0.path().join(input)).collect();
        let documents = documents.map(|name| tree.0.path().join(name));
        Plan::to_look_at(&inputs, documents.as_deref())
    };
    let plan = look(&["b.jpg", "n.txt", "in"], Some("out")).unwrap();
    let expected = [
        ("b.jpg", "out/b.jpg.json"),
        ("in/a.jpg", "out/in/a.jpg.json"),
        ("in/a.png", "out/in/a.png.json"),
    ];
    assert_eq!(tree.pairs(&plan), pairs(&expected));
    let places: Vec<_> = plan.files.iter().map(|file| file.place).collect();
    assert_eq!((places, plan.failures[0].place), (vec![0, 2, 3], 1));
    let twice = ["in/a.jpg", "in/a.jpg"];
    let plan = look(&twice, None).unwrap();
    assert!(plan.files.len() == 2 && plan.files.iter().all(|file| file.output == Path::new("")));
    assert!(matches!(
        look(&twice, Some("out")),
        Err(PlanError::Collision { .. })
    ));
    let file = look(&["b.jpg"], Some("n.txt"));
    assert!(matches!(file, Err(PlanError::NotAFolder { .. })));
}
