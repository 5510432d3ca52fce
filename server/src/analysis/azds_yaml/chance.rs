//! Files that bear the name azds.yaml by chance.

use super::KIND;
use super::schema::ROOT;
use crate::analysis::spelling;
use crate::analysis::yaml::top_keys;

/// Whether a text is somebody else's: of another `kind`, or without one and with keys of which none is
/// ours or a slip in one of ours. Told by its lines, so that nothing has to wait for a parser; what is
/// being typed may become ours.
pub(in crate::analysis) fn is_of_another(text: &str) -> bool {
    let keys = top_keys(text);
    let ours = || ROOT.keys().iter().map(|key| key.name);
    match keys.iter().rfind(|(key, _)| *key == "kind") {
        Some((_, kind)) => !KIND.starts_with(kind) && spelling::nearest(kind, [KIND]).is_none(),
        None => {
            !keys.is_empty()
                && keys
                    .iter()
                    .all(|(key, _)| spelling::nearest(key, ours()).is_none())
        }
    }
}
