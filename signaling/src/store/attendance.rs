//! Who was in a conference, from its log.

use jiff::Timestamp;

use super::Store;
use super::error::StoreError;
use crate::conference::{Attendance, Register};
use crate::ids::ConferenceId;

impl Store {
    /// Who has been in a conference until `now`.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the log is not as it was written.
    pub async fn attendance(
        &self,
        conference: &ConferenceId,
        now: Timestamp,
    ) -> Result<Attendance, StoreError> {
        let mut register = Register::default();
        self.walk(conference, |record| register.take(&record))
            .await?;
        Ok(register.read(now))
    }
}
