//! Another master key for an installation: what is sealed with a key of the old one is sealed again in the same transaction.

use sfumato_core::audit::{Action, Actor};
use sfumato_core::store::MasterKeyChange;
use sfumato_core::{Clock, Entropy, Store};

use super::reseal::{PAGE, again};
use super::{SecretsError, Vault, check};
use crate::access::Keys;
use crate::audit::{self, Deed};

/// Puts the keys of another master key in the place of those of the present one, wholly or not at all, and returns how many
/// secrets were sealed again. `vault` seals as it will with the new key, and opens what is sealed with the old one, too.
///
/// No process may work with the old key meanwhile: one that does signs tokens that are void at its next start, and cannot open
/// what was sealed again.
///
/// # Errors
/// [`SecretsError`]; nothing was written.
pub async fn replace_master_key(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    vault: &Vault,
    (from, to): (&Keys, &Keys),
) -> Result<u64, SecretsError> {
    check(store, vault).await?;
    let retired = from.derived_key();
    let (mut resealed, mut secrets, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.sealed_credentials(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.endpoint);
        for before in page {
            if before.keys().any(|key| key == retired) {
                secrets += before.keys().count() as u64;
                let fresh = again(vault, &before, entropy)?;
                resealed.push((before, fresh));
            }
        }
    }
    let deed = Deed::new(Actor::Operator, Action::MasterKeyRotated).with("secrets", secrets.to_string());
    let change = MasterKeyChange {
        from: from.check(),
        to: to.check(),
        retired,
        resealed,
        entry: audit::entry(clock, entropy, deed),
    };
    if store.change_master_key(&change).await? {
        Ok(secrets)
    } else {
        Err(SecretsError::OtherMasterKey)
    }
}
