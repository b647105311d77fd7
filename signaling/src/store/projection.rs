//! What events change in the tables that are summaries of the log: one file for each, without a
//! database. Whoever writes knows columns, and no event.

pub(super) mod conferences;
