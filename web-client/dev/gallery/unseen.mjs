// Sentences that no state of the gallery shows, each with the reason.

const because = (reason, ...keys) => keys.map((key) => [key, reason]);
const causes = (reason, ...ids) => because(reason, ...ids.map((id) => `cause.${id}`));

export const UNSEEN = Object.fromEntries([
  ...causes(
    "`dinh doctor` alone names it; a page would show it in the place of any other cause",
    ...["nameUnknown", "portBlocked", "certificateExpired", "certificateNotYetValid", "certificateNotTrusted"],
    ...["certificateWrongName", "certificateEndsSoon", "certificateUnusable", "noTls", "notDinh", "serverNotReady"],
    ...["clockOff", "smallPackets", "diskFull", "diskLow", "diskSlow", "diskTooSlow", "diskUnwritable"],
    ...["descriptorsFew", "descriptorsLow", "advertiseWrong", "advertiseNone", "advertiseForeign", "portTaken"],
    ...["buffersSmall", "trackingFull", "offloadMissing", "secretGuessable"],
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
  ...because("it stands beside nothing that is narrower than a wall", "operator.attention", "operator.worst"),
  ...because("the gallery's browser is one that is known by name", "permission.other"),
  ...because("an answer to an act, said in the place of any other refusal", "refused.disconnected", "refused.participant_unknown"),
  ...because("a browser without a screen has nothing to fill", "stage.exit_fullscreen"),
]);
