//! The package for Debian, by Debian's own tools: what the programs are linked to becomes what the package depends on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{LICENCES, PROGRAMS, SBOM, place, version};
use crate::process::{command, output, run};

/// Programs and assets, side by side as in the archive.
const HOME: &str = "usr/lib/sfumato";
const DOCUMENTS: &str = "usr/share/doc/sfumato";
/// Where each shell looks for what completes commands.
const COMPLETION_FOLDERS: [(&str, &str); 3] = [
    ("sfumato.bash", "usr/share/bash-completion/completions/sfumato"),
    ("_sfumato", "usr/share/zsh/vendor-completions/_sfumato"),
    ("sfumato.fish", "usr/share/fish/vendor_completions.d/sfumato.fish"),
];
/// Where neither a variable nor the manifest names somebody.
const MAINTAINER: &str = "Sfumato maintainers";
const SETTINGS: &str = "etc/sfumato/sfumato.toml";
const SCRIPTS: [&str; 3] = ["postinst", "postrm", "prerm"];
const SCRIPTS_FOLDER: &str = "deploy/debian";
const UNIT: &str = "systemd/sfumato.service";
/// What the unit says where everything lies in `/opt`, and what it says here: a user that exists without the service can be
/// given files, such as keys, and can make clients.
const UNIT_CHANGES: [(&str, &str); 3] = [
    ("/opt/sfumato/sfumato", "/usr/bin/sfumato"),
    (
        "in /opt/sfumato; settings, where there are\n# any,",
        "in /usr/lib/sfumato; settings\n# lie",
    ),
    ("DynamicUser=yes", "User=sfumato\nGroup=sfumato"),
];

/// Builds the package of a tree into a folder and returns its path.
///
/// # Errors
/// A tool of Debian is missing or finds a fault, or a file is not as it should be.
pub(super) fn build(root: &Path, tree: &Path, version: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("read the answer of dpkg");
    let architecture = text(output(command("dpkg").arg("--print-architecture"))?)?
        .trim()
        .to_owned();
    let place = tempfile::Builder::new()
        .prefix("debian")
        .tempdir_in(folder)
        .context("make a folder for the package")?;
    let image = place.path().join("image");
    lay_out(tree, &image)?;
    let depends = text(output(&mut dependencies(place.path(), &image)?)?)?;
    let depends = depends
        .lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="))
        .context("find what the programs are linked to in the answer of dpkg-shlibdeps")?;
    ensure!(
        depends.contains("libavcodec"),
        "the programs are not linked to libav: {depends}"
    );
    let kilobytes = text(output(
        command("du")
            .args(["--summarize", "--apparent-size", "-k"])
            .arg(&image),
    )?)?;
    let kilobytes = kilobytes
        .split_whitespace()
        .next()
        .context("read the size of the package")?;
    let control = image.join("DEBIAN");
    fs::create_dir(&control).context("make the folder of the package's description")?;
    let description = describe(
        version,
        &architecture,
        depends,
        kilobytes,
        &version::workspace_package(root)?,
    );
    fs::write(control.join("control"), description).context("write the package's description")?;
    fs::write(control.join("conffiles"), format!("/{SETTINGS}\n")).context("write the list of settings")?;
    for script in SCRIPTS {
        let from = root.join(SCRIPTS_FOLDER).join(script);
        super::place(&from, &control.join(script), "0755")?;
    }
    let package = folder.join(format!("sfumato_{version}_{architecture}.deb"));
    run(command("dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "--build"])
        .args([&image, &package])
        .env("SOURCE_DATE_EPOCH", version::moment(root)?))?;
    Ok(package)
}

/// Puts the files of the tree where Debian wants them.
fn lay_out(tree: &Path, image: &Path) -> anyhow::Result<()> {
    for name in PROGRAMS {
        place(&tree.join(name), &image.join(HOME).join(name), "0755")?;
    }
    run(command("cp")
        .arg("--recursive")
        .arg(tree.join("assets"))
        .arg(image.join(HOME)))?;
    let programs = image.join("usr/bin");
    fs::create_dir_all(&programs).context("make the folder of programs")?;
    symlink("../lib/sfumato/sfumato", programs.join("sfumato")).context("link the program")?;
    place(&tree.join("config.example.toml"), &image.join(SETTINGS), "0644")?;
    let mut unit = fs::read_to_string(tree.join(UNIT)).context("read the unit")?;
    for (from, to) in UNIT_CHANGES {
        ensure!(unit.contains(from), "{UNIT} does not say `{from}`");
        unit = unit.replace(from, to);
    }
    let unit_folder = image.join("usr/lib/systemd/system");
    fs::create_dir_all(&unit_folder).context("make the folder of units")?;
    fs::write(unit_folder.join("sfumato.service"), unit).context("write the unit")?;
    for (name, to) in COMPLETION_FOLDERS {
        place(&tree.join("completions").join(name), &image.join(to), "0644")?;
    }
    let documents = image.join(DOCUMENTS);
    place(&tree.join("LICENSE"), &documents.join("copyright"), "0644")?;
    place(&tree.join(LICENCES), &documents.join(LICENCES), "0644")?;
    run(command("cp")
        .arg("--recursive")
        .arg(tree.join(SBOM))
        .arg(&documents))?;
    place(&tree.join("CHANGELOG.md"), &documents.join("changelog"), "0644")?;
    let manuals = image.join("usr/share/man");
    fs::create_dir_all(&manuals).context("make the folder of manuals")?;
    run(command("cp")
        .arg("--recursive")
        .arg(tree.join("man"))
        .arg(manuals.join("man1")))?;
    // Without names and times in them, so that the same files make the same package.
    run(command("sh")
        .args([
            "-c",
            "gzip --best --no-name usr/share/man/man1/* usr/share/doc/sfumato/changelog",
        ])
        .current_dir(image))
}

/// The command that names the packages of all libraries that the programs and the inference engine are linked to.
fn dependencies(place: &Path, image: &Path) -> anyhow::Result<std::process::Command> {
    // The tool works in the folder of a source package, however little is in it.
    let source = place.join("debian");
    fs::create_dir(&source).context("make the folder of a source package")?;
    fs::write(
        source.join("control"),
        "Source: sfumato\n\nPackage: sfumato\nArchitecture: any\n",
    )
    .context("write the description of a source package")?;
    let mut tool = command("dpkg-shlibdeps");
    // It warns of what the makers of the inference engine might do better.
    tool.args(["-O", "--warnings=0"]).current_dir(place);
    for name in PROGRAMS {
        tool.arg(image.join(HOME).join(name));
    }
    tool.arg(image.join(HOME).join("assets/lib/libonnxruntime.so"));
    Ok(tool)
}

/// Whom the package names as its maintainer, and where its home is: what `SFUMATO_MAINTAINER` and the manifest of the
/// workspace say, as whoever hands out a build of their own answers for it.
fn responsible(said: Option<String>, package: &toml::Table) -> String {
    let text = |name: &str| package.get(name).and_then(toml::Value::as_str);
    let author = package
        .get("authors")
        .and_then(toml::Value::as_array)
        .and_then(|authors| authors.first()?.as_str());
    let maintainer = said
        .filter(|said| !said.is_empty())
        .or(author.map(str::to_owned))
        .unwrap_or_else(|| MAINTAINER.to_owned());
    let home = text("homepage").or(text("repository"));
    let home = home.map(|home| format!("\nHomepage: {home}"));
    format!("Maintainer: {maintainer}{}", home.unwrap_or_default())
}

fn describe(
    version: &str,
    architecture: &str,
    depends: &str,
    kilobytes: &str,
    workspace_package: &toml::Table,
) -> String {
    let responsible = responsible(std::env::var("SFUMATO_MAINTAINER").ok(), workspace_package);
    format!(
        "Package: sfumato
Version: {version}
Architecture: {architecture}
{responsible}
Installed-Size: {kilobytes}
Depends: {depends}, adduser, ca-certificates
Section: graphics
Priority: optional
Description: hides faces and licence plates in pictures and videos
 A server with an HTTP API, webhooks and a console in the browser, and a
 program for the command line. Footage stays on this machine.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::COMPLETIONS;

    #[test]
    fn the_unit_in_the_repository_can_be_made_the_packages() {
        let path = crate::workspace::root().join("deploy/systemd/sfumato.service");
        let unit = fs::read_to_string(path).unwrap();
        for (from, _) in UNIT_CHANGES {
            assert!(unit.contains(from), "{from}");
        }
    }

    #[test]
    fn who_is_responsible_is_said_by_the_variable_or_the_manifest() {
        let package = |text: &str| text.parse::<toml::Table>().unwrap();
        let nobody = package("");
        let full = package("authors = ['A <a@example.com>']\nrepository = 'https://example.com/a'");
        assert_eq!(responsible(None, &nobody), "Maintainer: Sfumato maintainers");
        assert_eq!(
            responsible(None, &full),
            "Maintainer: A <a@example.com>\nHomepage: https://example.com/a"
        );
        assert_eq!(
            responsible(Some("B <b@example.com>".into()), &nobody),
            "Maintainer: B <b@example.com>"
        );
    }

    #[test]
    fn every_shell_has_a_place_for_its_completions() {
        for (_, name) in COMPLETIONS {
            assert!(
                COMPLETION_FOLDERS.iter().any(|(known, _)| *known == name),
                "{name}"
            );
        }
    }
}
