//! Files of one cache.
