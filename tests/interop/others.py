"""The load test at a WHIP/WHEP server that others wrote: aiortc, which is no ICE-lite and answers `setup:active`."""
import asyncio, json, os, subprocess, sys

HERE = os.path.dirname(os.path.realpath(__file__))
PORT = 7930
SAYS = "`dinh-loadtest run --whip … --whep …` publishes to and watches at a server made of aiortc, a full ICE agent that answers `a=setup:active`: every viewer joined and saw pictures."


async def drive(loadtest, out):
    """Why it does not work, or nothing."""
    with open(f"{out}/others.log", "w") as log:
        server = await asyncio.create_subprocess_exec(sys.executable, f"{HERE}/other_server.py", str(PORT), stdout=subprocess.PIPE, stderr=log)
        try:
            await asyncio.wait_for(server.stdout.readline(), 20)
            report = f"{out}/loadtest"
            url = f"http://127.0.0.1:{PORT}"
            words = [loadtest, "run", "--whip", f"{url}/whip", "--whep", f"{url}/whep", "--sites", "2", "--duration", "6s", "--layers", "l", "--report", report]
            run = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log)
            await asyncio.wait_for(run.wait(), 60)
        except asyncio.TimeoutError:
            return "The load test did not end."
        finally:
            server.kill()
            await server.wait()
    try:
        found = json.load(open(f"{report}/report.json"))
    except (OSError, ValueError):
        return f"The load test wrote no report: see {out}/others.log."
    joined, video = found["sites"]["joined"], found["media"].get("video") or {}
    packets, rate = video.get("received", 0), (video.get("framesPerSecond") or {}).get("min", 0)
    print(f"load test at aiortc: {joined} of 2 joined, {packets} packets of the picture, at least {rate:.1f} pictures a second")
    if joined < 2 or rate < 5:
        return f"{joined} of 2 viewers joined, and saw {rate:.1f} pictures a second; see {out}/others.log."
    return None
