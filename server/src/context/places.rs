//! What batches made of the places in a container, as the developer's side and the host both keep it.

use std::collections::BTreeMap;

use azds_protocol::agent::Entry;

/// How each place is that a batch has changed: `None` if nothing is there any more.
pub type Places = BTreeMap<String, Option<Entry>>;

/// Takes note that a place is gone with all that was below it. What is known of that stays known: the image
/// may have something there, too.
pub fn remove_place(places: &mut Places, place: &str) {
    let below = format!("{place}/");
    let known = places.range_mut(below.clone()..);
    for (_, entry) in known.take_while(|(other, _)| other.starts_with(&below)) {
        *entry = None;
    }
    places.insert(place.to_owned(), None);
}
