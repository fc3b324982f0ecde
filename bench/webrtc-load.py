#!/usr/bin/env python3
"""The load: one process that publishes one encoded file over N peer connections in real time, without encoding.

Signals by WHIP or by the HTTP API of Janus (videoroom plugin). Prints one JSON object a line, as loadgen.mjs does:
publishing, when all connections are up, and done, with the stop of each stream and what the load itself cost.
"""

import argparse
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstApp, GstSdp, GstWebRTC  # noqa: E402,F401

# Looked up once, here: the bindings fill such a class in when it is first used, and threads that come meanwhile find it
# half empty.
GATHERED = GstWebRTC.WebRTCICEGatheringState.COMPLETE
CONNECTED = GstWebRTC.WebRTCPeerConnectionState.CONNECTED
FAILED = GstWebRTC.WebRTCPeerConnectionState.FAILED
SENDONLY = GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
ANSWER = GstWebRTC.WebRTCSDPType.ANSWER
# Pause between two looks at what is due: frames travel one by one, as from encoders.
TICK_MS = 10
# All streams begin within this time, evenly spread, as do their ends.
SPREAD_S = 1.0
# Publishers' frames fall into the 40 ms between two of one camera where they fall, as those of independent cameras do:
# multiples of the golden ratio spread evenly for any number of them.
FRAME_S = 0.04
GOLDEN = 0.618034
# After the connections are up; a server may take a moment longer than its peer to see that.
SETTLE_MS = 500
CONNECT_TIMEOUT_S = 60
REQUEST_TIMEOUT_S = 30
# Time for retransmissions that are under way when the last frame has been sent.
DRAIN_S = 0.3
MTU = 1200
CHUNK_TYPES = {
    "h264": "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
    "vp8": "video/x-vp8",
}
PAYLOADERS = {
    "h264": "rtph264pay config-interval=0 aggregate-mode=zero-latency",
    "vp8": "rtpvp8pay picture-id-mode=15-bit",
}
VIDEO_PT = 96
AUDIO_PT = 111
TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
RTP = {
    "h264": "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
    'packetization-mode=(string)1,profile-level-id=(string)42e01f,level-asymmetry-allowed=(string)1',
    "vp8": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    "opus": "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,"
    "encoding-params=(string)2,sprop-stereo=(string)1",
}
RTP_EXTENSION = f",extmap-5=(string){TWCC}"
PEER = (
    "webrtcbin name=peer bundle-policy=max-bundle latency=0 "
    "appsrc name=video is-live=true format=time max-bytes=0 caps={video_caps} "
    "! {payloader} pt={video_pt} mtu={mtu} ssrc={video_ssrc} ! {video_rtp} ! peer. "
    "appsrc name=audio is-live=true format=time max-bytes=0 caps={audio_caps} "
    "! rtpopuspay pt={audio_pt} ssrc={audio_ssrc} ! {audio_rtp} ! peer."
)


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def request(method, url, body=None, content_type="application/json"):
    headers = {"content-type": content_type} if body is not None else {}
    data = body.encode() if body is not None else None
    return urllib.request.urlopen(
        urllib.request.Request(url, data, headers, method=method), timeout=REQUEST_TIMEOUT_S
    )


class Whip:
    """RFC 9725: one POST opens a session, a DELETE of its resource ends it."""

    def __init__(self, base, name):
        self.url = f"{base}/whip/{name}?record=true"

    def offer(self, sdp):
        with request("POST", self.url, sdp, "application/sdp") as response:
            self.resource = urllib.parse.urljoin(self.url, response.headers["location"])
            return response.read().decode()

    def stop(self):
        with request("DELETE", self.resource):
            pass


class Janus:
    """Janus' HTTP API: a session and a handle per publisher; events come by long polls."""

    ROOM = 1

    def __init__(self, base, name):
        self.url = f"{base}/janus"
        self.name = name

    def send(self, **message):
        message["transaction"] = self.name
        with request("POST", self.url, json.dumps(message)) as response:
            answer = json.load(response)
        if answer["janus"] not in ("success", "ack"):
            raise RuntimeError(f"Janus answered {answer}")
        return answer

    def event(self, is_wanted):
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while time.monotonic() < deadline:
            with request("GET", self.session) as response:
                event = json.load(response)
            if event.get("plugindata", {}).get("data", {}).get("error") is not None:
                raise RuntimeError(f"Janus told {event}")
            if is_wanted(event):
                return event
        raise RuntimeError("Janus did not tell what was waited for")

    def offer(self, sdp):
        self.session = self.url = f"{self.url}/{self.send(janus='create')['data']['id']}"
        plugin = self.send(janus="attach", plugin="janus.plugin.videoroom")
        self.url = f"{self.session}/{plugin['data']['id']}"
        body = {
            "request": "joinandconfigure",
            "ptype": "publisher",
            "room": self.ROOM,
            "record": True,
            "filename": self.name,
        }
        self.send(janus="message", body=body, jsep={"type": "offer", "sdp": sdp})
        return self.event(lambda event: "jsep" in event)["jsep"]["sdp"]

    def stop(self):
        self.send(janus="message", body={"request": "unpublish"})
        self.event(lambda event: "unpublished" in event.get("plugindata", {}).get("data", {}))


class Media:
    """The encoded frames of a file with their times, and the caps of its tracks."""

    def __init__(self, path, codec):
        pipeline = Gst.parse_launch(
            f"filesrc name=file ! matroskademux name=demux "
            f"demux.video_0 ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 ! {CHUNK_TYPES[codec]} "
            "! appsink name=video sync=false "
            "demux.audio_0 ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 ! appsink name=audio sync=false"
        )
        pipeline.get_by_name("file").set_property("location", path)
        pipeline.set_state(Gst.State.PLAYING)
        self.caps = {}
        frames = [frame for track in ("video", "audio") for frame in self.read(pipeline, track)]
        pipeline.set_state(Gst.State.NULL)
        self.counts = {track: sum(1 for frame in frames if frame[1] == track) for track in ("video", "audio")}
        # Stable: at the same time, video goes first.
        self.frames = sorted(frames, key=lambda frame: frame[0])

    def read(self, pipeline, track):
        sink = pipeline.get_by_name(track)
        while (sample := sink.try_pull_sample(10 * Gst.SECOND)) is not None:
            self.caps[track] = sample.get_caps().to_string()
            buffer = sample.get_buffer()
            yield buffer.pts / Gst.SECOND, track, buffer


class Publisher:
    def __init__(self, name, signalling, media, codec, ssrc, load):
        self.name = name
        self.signalling = signalling
        self.frames = media.frames
        self.load = load
        self.next = 0
        self.begin = None
        self.stopping = None
        rtp = {"video": RTP[codec] + RTP_EXTENSION + f",ssrc=(uint){ssrc}"}
        rtp["audio"] = RTP["opus"] + RTP_EXTENSION + f",ssrc=(uint){ssrc + 1}"
        self.pipeline = Gst.parse_launch(
            PEER.format(
                payloader=PAYLOADERS[codec],
                video_caps=json.dumps(media.caps["video"]),
                audio_caps=json.dumps(media.caps["audio"]),
                video_rtp=RTP[codec].split(",clock-rate")[0] + RTP_EXTENSION,
                audio_rtp=RTP["opus"].split(",clock-rate")[0] + RTP_EXTENSION,
                video_pt=VIDEO_PT,
                audio_pt=AUDIO_PT,
                video_ssrc=ssrc,
                audio_ssrc=ssrc + 1,
                mtu=MTU,
            )
        )
        self.sources = {track: self.pipeline.get_by_name(track) for track in ("video", "audio")}
        self.peer = self.pipeline.get_by_name("peer")
        # One host candidate, on the network the server is on: webrtcbin by itself leaves loopback out.
        # Sender reports tell when a frame was taken, as browsers' do, not when a busy machine sent it.
        self.peer.get_by_name("rtpbin").set_property("rtcp-sync-send-time", False)
        # The agent is kept: releasing it here would free what webrtcbin still uses.
        self.ice = self.peer.get_property("ice-agent")
        # Nothing is asked of the network.
        self.ice.get_property("agent").set_property("upnp", False)
        self.ice.emit("add-local-ip-address", load.address)
        for n, track in enumerate(("video", "audio")):
            transceiver = self.peer.emit("get-transceiver", n)
            transceiver.set_property("direction", SENDONLY)
            transceiver.set_property("codec-preferences", Gst.Caps.from_string(rtp[track]))
            transceiver.set_property("do-nack", track == "video")
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("notify::connection-state", self.on_connection)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def connect(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise):
        # The reply owns the offer.
        reply = promise.get_reply()
        self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def on_gathering(self, *_):
        if self.peer.get_property("ice-gathering-state") == GATHERED:
            GLib.idle_add(self.load.in_thread, self.signal)

    def signal(self):
        answer = self.signalling.offer(self.peer.get_property("local-description").sdp.as_text())
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(ANSWER, message)
        self.peer.emit("set-remote-description", description, Gst.Promise.new())

    def on_connection(self, *_):
        state = self.peer.get_property("connection-state")
        if state == CONNECTED:
            GLib.idle_add(self.load.connected, self.name)
        elif state == FAILED:
            GLib.idle_add(self.load.fail, f"{self.name}: the connection failed")

    def on_error(self, _bus, message):
        error, debug = message.parse_error()
        self.load.fail(f"{self.name}: {error.message} {debug}")

    def running_time(self):
        return self.pipeline.get_clock().get_time() - self.pipeline.get_base_time()

    def feed(self, now):
        """Pushes what is due; returns how late the oldest of it is, in seconds."""
        if now < self.begin or self.stopping is not None:
            return 0
        elapsed = now - self.begin
        if self.next == 0:
            self.begin_pts = self.running_time() - round(elapsed * Gst.SECOND)
        late = 0
        while self.next < len(self.frames) and self.frames[self.next][0] <= elapsed:
            at, track, original = self.frames[self.next]
            # A new header over the same bytes; the bindings' own copy() is the same buffer once more.
            frame = original.copy_region(Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.MEMORY, 0, original.get_size())
            frame.pts = frame.dts = self.begin_pts + round(at * Gst.SECOND)
            self.sources[track].push_buffer(frame)
            late = max(late, elapsed - at)
            self.next += 1
        if self.next == len(self.frames):
            self.stopping = now
            self.load.in_thread(self.stop)
        return late

    def stop(self):
        time.sleep(DRAIN_S)
        stopped_at = time.time() * 1000
        self.signalling.stop()
        GLib.idle_add(self.load.stopped, self.name, stopped_at)


class Load:
    def __init__(self, options):
        self.media = Media(options.file, options.codec)
        self.loop = GLib.MainLoop()
        self.threads = ThreadPoolExecutor(max_workers=options.count)
        self.address = options.address
        self.failure = None
        self.latest = 0
        self.waiting = set()
        self.stops = {}
        kind = {"whip": Whip, "janus": Janus}[options.signalling]
        self.publishers = [
            Publisher(f"bench{n}", kind(options.url, f"bench{n}"), self.media, options.codec, 1000 + 2 * n, self)
            for n in range(options.count)
        ]

    def run(self):
        self.waiting = {publisher.name for publisher in self.publishers}
        for publisher in self.publishers:
            publisher.connect()
        self.timer = GLib.timeout_add_seconds(CONNECT_TIMEOUT_S, self.fail, "not all connections came up")
        self.loop.run()
        if self.failure is not None:
            print(self.failure, file=sys.stderr, flush=True)
        # Not the pipelines one by one: the process ends, and with it all it holds.
        os._exit(0 if self.failure is None else 1)

    def in_thread(self, act):
        def guarded():
            try:
                act()
            except Exception as error:  # noqa: BLE001
                GLib.idle_add(self.fail, f"{type(error).__name__}: {error}")

        self.threads.submit(guarded)
        return False

    def connected(self, name):
        self.waiting.discard(name)
        if not self.waiting and self.timer is not None:
            GLib.source_remove(self.timer)
            self.timer = None
            GLib.timeout_add(SETTLE_MS, self.begin)
        return False

    def begin(self):
        say("publishing")
        self.cpu_before = time.process_time()
        now = time.monotonic()
        for n, publisher in enumerate(self.publishers):
            # Without a known latency the sender reports would pair clocks that do not belong together.
            publisher.pipeline.recalculate_latency()
            publisher.begin = now + n * SPREAD_S / len(self.publishers) + n * GOLDEN % 1 * FRAME_S
        GLib.timeout_add(TICK_MS, self.tick)
        return False

    def tick(self):
        now = time.monotonic()
        for publisher in self.publishers:
            self.latest = max(self.latest, publisher.feed(now))
        return any(publisher.stopping is None for publisher in self.publishers)

    def stopped(self, name, stopped_at):
        self.stops[name] = stopped_at
        if len(self.stops) == len(self.publishers):
            cost = time.process_time() - self.cpu_before
            sent = {"frames": self.media.counts["video"], "sounds": self.media.counts["audio"]}
            say("done", stops=self.stops, cpuSeconds=cost, latestMs=round(self.latest * 1000), sent=sent)
            self.loop.quit()
        return False

    def fail(self, why):
        self.failure = self.failure or why
        self.loop.quit()
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("url", help="of the server, without a path")
    parser.add_argument("count", type=int)
    parser.add_argument("--address", default="127.0.0.1", help="own address for media")
    parser.add_argument("--signalling", choices=["whip", "janus"], default="whip")
    parser.add_argument("--codec", choices=sorted(PAYLOADERS), default="h264")
    options = parser.parse_args()
    Gst.init(None)
    Load(options).run()


if __name__ == "__main__":
    main()
