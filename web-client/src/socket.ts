// How the one WebSocket to the server of this page is opened.

/** Opens one; whoever asks for it closes it. */
export const openSocket = (): WebSocket => new WebSocket(new URL("/ws", location.href.replace(/^http/u, "ws")));
