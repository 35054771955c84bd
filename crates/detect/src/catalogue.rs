//! The models that detection runs on, of all packs together.

use sfumato_core::detection::Class;

use crate::pack::manifest::ModelEntry;
use crate::pack::{ModelPack, PackError};

/// The models that look, in the order in which their boxes are preferred: those of packs before the built-in ones.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    models: Vec<Listed>,
}

/// A model and the pack that it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) pack: ModelPack,
    pub(crate) entry: ModelEntry,
    pub(crate) is_builtin: bool,
}

impl Catalogue {
    /// The built-in models that no model of a pack replaces, and those of the packs.
    pub(crate) fn new(builtin: &ModelPack, packs: &[ModelPack]) -> Result<Self, PackError> {
        let listed = |pack: &ModelPack, is_builtin| {
            let one = |entry: &ModelEntry| Listed {
                pack: pack.clone(),
                entry: entry.clone(),
                is_builtin,
            };
            pack.manifest().models.iter().map(one).collect::<Vec<_>>()
        };
        let mut kept = listed(builtin, true);
        let mut models: Vec<Listed> = Vec::new();
        for model in packs.iter().flat_map(|pack| listed(pack, false)) {
            if let Some(replaced) = &model.entry.replaces {
                let is_replaced =
                    |other: &Listed| other.entry.name == *replaced && other.entry.class == model.entry.class;
                let Some(index) = kept.iter().position(is_replaced) else {
                    return Err(PackError::ReplacesNothing {
                        path: model.pack.manifest_path(),
                        model: model.entry.name.to_string(),
                        replaced: replaced.to_string(),
                    });
                };
                kept.remove(index);
            }
            models.push(model);
        }
        models.extend(kept);
        for (index, model) in models.iter().enumerate() {
            if let Some(earlier) = models[..index]
                .iter()
                .find(|other| other.entry.name == model.entry.name)
            {
                // Built-in models stand last and are not to blame.
                let blamed = if model.is_builtin { earlier } else { model };
                return Err(PackError::NameTaken {
                    path: blamed.pack.manifest_path(),
                    model: model.entry.name.to_string(),
                });
            }
        }
        Ok(Self { models })
    }

    /// The built-in models, with the assets wherever they may be.
    pub(crate) fn builtin() -> Self {
        let builtin = ModelPack::builtin(std::path::Path::new(""));
        Self::new(&builtin, &[]).expect("the built-in models do not replace one another; a test reads them")
    }

    /// The models in their order.
    pub(crate) fn models(&self) -> &[Listed] {
        &self.models
    }

    /// The place of a model among all and its class.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, Class)> {
        let index = self
            .models
            .iter()
            .position(|model| model.entry.name.as_str() == name)?;
        Some((index, self.models[index].entry.class))
    }
}
