// Sentences that no state of the gallery shows, each with the reason.

export const UNSEEN = {};
