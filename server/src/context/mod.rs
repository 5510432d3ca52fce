//! Which files belong to a build, their hashes, and what differs.
