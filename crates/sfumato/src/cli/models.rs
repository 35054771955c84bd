//! `sfumato models`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use sfumato_core::detection::Class;
use sfumato_media_client::models::{ModelCheck, ModelInfo, ModelList, ModelSources, models};

use super::flags::{ConfigFlag, LogFlags, MediaFlags, Overrides, load};
use crate::{locate, output, telemetry};

/// Show the models, built in and from packs, and check them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato models list
  sfumato models verify --model-pack /opt/models/night")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Verify(Verify),
}

/// Show every model, and whether its file is the one that its manifest describes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato models list
  sfumato models list --model-pack /opt/models/night --json")]
struct List {
    #[command(flatten)]
    flags: Flags,
}

/// Check every model: the hash of its file, and that it can be loaded and has the shape of its family
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato models verify
  sfumato models verify --model-pack /opt/models/night

Exit codes: 0 all are as they should be, 1 one is not, 2 the command is wrong.")]
struct Verify {
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, clap::Args)]
struct Flags {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    media: MediaFlags,
    #[command(flatten)]
    log: LogFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (flags, check) = match &args.command {
        Command::List(list) => (&list.flags, ModelCheck::Files),
        Command::Verify(verify) => (&verify.flags, ModelCheck::Loading),
    };
    let loaded = load(&flags.config, &[&flags.media as &dyn Overrides, &flags.log])?;
    telemetry::start_quiet(&loaded);
    let locations = locate::locate(&loaded.settings)?;
    let sources = ModelSources {
        program: locations.program,
        assets_dir: locations.assets_dir,
        model_packs: loaded.settings.model_packs.0.clone(),
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let list = runtime.block_on(models(&sources, check))?;
    if flags.json {
        output::json(&serde_json::to_value(&list)?)?;
    } else {
        output::raw(&table(&list))?;
    }
    let mut whole = true;
    for model in &list.models {
        if let Some(problem) = &model.problem {
            whole = false;
            output::note(format!("error: {}: {problem}", model.name));
        }
    }
    Ok(ExitCode::from(u8::from(!whole && check == ModelCheck::Loading)))
}

const HEAD: [&str; 9] = [
    "NAME", "CLASS", "FAMILY", "VERSION", "LICENCE", "SIZE", "CHECK", "PROFILES", "SOURCE",
];

/// The table: a line for each model under a head, columns as wide as they need to be.
fn table(list: &ModelList) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(list.models.iter().map(row));
    let widths: Vec<_> = (0..HEAD.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(model: &ModelInfo) -> [String; 9] {
    let profiles: Vec<_> = model.profiles.iter().map(|profile| profile.as_str()).collect();
    let class = match model.class {
        Class::Face => "face",
        Class::Plate => "plate",
    };
    [
        model.name.clone(),
        class.to_owned(),
        model.family.clone(),
        format!("{} {}", model.pack, model.version),
        model.licence.clone(),
        model
            .bytes
            .map_or_else(|| "-".to_owned(), |bytes| format!("{} kB", bytes.div_ceil(1000))),
        if model.problem.is_none() { "ok" } else { "bad" }.to_owned(),
        if profiles.is_empty() {
            "-".to_owned()
        } else {
            profiles.join(",")
        },
        model.source.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use sfumato_core::options::Profile;

    use super::*;

    #[test]
    fn the_table_shows_each_model_on_a_line() {
        let model = ModelInfo {
            name: "n".into(),
            class: Class::Plate,
            family: "plate-retinanet".into(),
            pack: "p".into(),
            version: "1".into(),
            licence: "MIT".into(),
            source: "somewhere".into(),
            file: "/p/m.onnx".into(),
            bytes: Some(1_234_567),
            sha256: "00".into(),
            profiles: vec![Profile::Fast, Profile::Thorough],
            replaces: None,
            problem: None,
        };
        let bad = ModelInfo {
            name: "bad".into(),
            bytes: None,
            profiles: vec![],
            problem: Some("it is gone".into()),
            ..model.clone()
        };
        let text = table(&ModelList {
            models: vec![model, bad],
        });
        assert_eq!(
            text,
            "NAME  CLASS  FAMILY           VERSION  LICENCE  SIZE     CHECK  PROFILES       SOURCE\n\
             n     plate  plate-retinanet  p 1      MIT      1235 kB  ok     fast,thorough  somewhere\n\
             bad   plate  plate-retinanet  p 1      MIT      -        bad    -              somewhere\n"
        );
    }
}
