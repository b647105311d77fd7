// Sentences that no state of the gallery shows, each with the reason.

import { read } from "./words.mjs";

const because = (reason, ...keys) => keys.map((key) => [key, reason]);
const causes = (reason, ...ids) => because(reason, ...ids.map((id) => `cause.${id}`));

/** Every key below these groups but those that are seen. */
function below(groups, ...seen) {
  const found = groups.reduce((node, group) => node[group], read("vi"));
  return Object.keys(found).filter((name) => !seen.includes(name)).map((name) => [...groups, name].join("."));
}

export const UNSEEN = Object.fromEntries([
  ...causes(
    "`dinh doctor` alone names it; a page would show it in the place of any other cause",
    ...["nameUnknown", "portBlocked", "certificateExpired", "certificateNotYetValid", "certificateNotTrusted"],
    ...["certificateWrongName", "certificateEndsSoon", "certificateUnusable", "noTls", "notDinh", "serverNotReady"],
    ...["clockOff", "smallPackets", "diskFull", "diskLow", "diskSlow", "diskTooSlow", "diskUnwritable"],
    ...["descriptorsFew", "descriptorsLow", "advertiseWrong", "advertiseNone", "advertiseForeign", "portTaken"],
    ...["buffersSmall", "trackingFull", "offloadMissing", "secretGuessable"],
    ...["providerAway", "providerNotTrusted", "providerUnusable"],
  ),
  ...causes("the browser of the gallery has WebRTC", "noWebRtc"),
  ...causes("the microphone of the gallery's browser always gives a tone, and its loudspeaker is asked nothing", "microphoneSilent", "loudspeakerSilent"),
  ...because(
    "it follows the trial of the loudspeaker, which the gallery does not begin",
    ...["linecheck.heard", "linecheck.unheard", "linecheck.heard_question", "linecheck.value.unheard"],
  ),
  ...because("the microphone of the gallery's browser always gives a tone", "air.microphone.silent", "linecheck.value.silent"),
  ...because("a camera that gives nothing is told by its picture", "air.camera.silent"),
  ...because("the gallery's clock is ahead of its server in no state; the sentence of one that is behind is seen", "linecheck.value.clock_ahead"),
  ...because("a cause that a newer server knows and this page does not", "linecheck.other"),
  ...because("a connection that has failed is made anew in the same moment", "link.media_failed"),
  ...because("it stands beside nothing that is narrower than a desk", "operator.worst"),
  ...because("the gallery's browser is one that is known by name", "permission.other"),
  ...because("an answer to an act, said in the place of any other refusal", "refused.disconnected", "refused.participant_unknown"),
  ...because("a browser without a screen has nothing to fill", "stage.exit_fullscreen"),
  ...because(
    "in the gallery's calendar there are several of it",
    ...["schedule.invited_one", "booking.cancel_text_one", "booking.must_tell_one"],
    ...["audience.named_one", "audience.unknown_one", "conflict.sites_one", "conflict.sites_more_one"],
    ...["invite.send_again_one", "invite.send_refused_one", "invite.sent_now_one"],
    ...["home.concern_refused_one", "home.concern_toTellAgain_one", "home.concern_unsent_one", "home.concern_unanswered_one"],
    ...["home.concern_badLines_one"],
  ),
  ...because(
    "the gallery has one series; how each other one is said, test/series.test.ts shows",
    ...["series.day", "series.days", "series.workdays", "series.weeks"],
    ...["series.months", "series.nth_first", "series.nth_second", "series.nth_third"],
    ...["series.nth_fourth", "series.nth_last", "series.nths_first", "series.nths_second"],
    ...["series.nths_third", "series.nths_fourth", "series.nths_last", "series.until"],
    ...["series.other", "series.other_hint", "series.until_day", "series.month"],
  ),
  ...because(
    "the form of a booking says it in the place of another sentence that is seen",
    ...["booking.fault_startsAtLocal", "booking.fault_zone", "booking.fault_durationMinutes", "booking.fault_opensMinutesBefore"],
    ...["booking.fault_agenda", "booking.saving", "booking.told_kind"],
    ...["booking.told_zone", "booking.told_durationMinutes", "booking.told_rule", "booking.told_agenda"],
    ...["audience.lists", "audience.no_lists", "audience.named_other", "audience.forget"],
    ...["exception.otherwise", "agenda.too_long", "booking.told_title"],
    ...["audience.found_other"],
  ),
  ...because(
    "in the gallery's calendar it is not so, or it passes before anybody looks",
    ...["reply.looking", "schedule.state_past", "conflict.sites_other"],
    ...["invite.copied", "ready.nobody", "conflict.title_other", "home.concern_conflict_other"],
  ),
  ...because(
    "another thing may be wrong with a letter in the same place, and two of them are seen",
    ...["empty", "tooLong", "notOneLine", "placeholderOfAnotherKind", "notClosed"].map((name) => `letter.wrong.${name}`),
    ...["notUnderstood", "unbalanced", "tooDeep", "wouldBeTooLong"].map((name) => `letter.wrong.${name}`),
  ),
  ...because("the gallery's list has a few of what may be wrong with one", ...below(["directory", "finding"], "code_cut", "code_short", "many_vanish", "parent_missing", "phone_short", "spaces"), "directory.shown_again", "directory.too_large"),
  ...because("the gallery's log has a few acts, and its tables a few of each kind", ...below(["act"], "patch_sites_this", "post_accounts", "post_sites_import"), ...below(["account", "may"], "national", "provincial"), "account.enable", "account.foreign"),
  ...because("the gallery's log-in refuses these in no state", "office.refused.rate_limited", "office.refused.login_taken", "office.refused.password_weak", "office.refused.last_administrator", "office.unreached", "login.not_same"),
  ...because(
    "a site of the gallery is hidden in no state, and its import removes nothing",
    ...["directory.hidden", "directory.imported_removed_one", "directory.imported_removed_other", "directory.imported_hidden_one", "directory.removes_one"],
  ),
  ...because("the gallery's lists have several of it", "directory.ignored_one", "office.shown_one", "office.shown_more_one"),
  ...because("the gallery's country has no company", "directory.level.company"),
  ...because("each part of the gallery's preview has something in it", ...below(["directory", "no_part"])),
  ...because("the browser of the gallery lets nothing be copied", "office.copied"),
  ...because("it stands where a table is empty that is never so in the gallery", "office.nothing"),
  ...because("the gallery's office refuses these in no state, and says so as it says others", "office.refused.not_found", "office.refused.not_permitted", "login.wrong"),
  ...because("everybody in the gallery has logged in before", "account.welcome_hint"),
]);
