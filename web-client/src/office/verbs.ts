// What a person with an account may do, by the names that the server gives it.

/** Those that decide what the pages offer; whether something may be done, the server decides each time. */
export type Verb =
  | "readSites"
  | "importSites"
  | "removeSites"
  | "amendSite"
  | "manageAccounts"
  | "endLogins"
  | "readActs"
  | "readBookings"
  | "book"
  | "publishBooking"
  | "readInvitations"
  | "invite"
  | "manageWebhooks";
