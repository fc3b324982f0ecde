#!/usr/bin/env python3
"""Publishes by WHIP with GStreamer's webrtcbin: an implementation of WebRTC that shares nothing with a browser's.

Writes one JSON object a line: answered, connected, near-wrap and wrapped (RTP sequence numbers), sent (counters),
deleted. Media is let through from the first key frame after the connection is up, so that all of it can arrive.
"""

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

# Time for retransmissions that are under way when the last frame has been sent.
DRAIN_MS = 700
# The addresses of the machine are known at once; libnice goes on to look for a router for three seconds.
GATHERING_MS = 200
# A sequence number so close to 65536 is worth a word.
NEAR_WRAP = 20
ENCODERS = {
    "h264": "x264enc name=encoder tune=zerolatency speed-preset=ultrafast key-int-max={fps} bitrate={kbits} "
    "! video/x-h264,profile=baseline ! h264parse config-interval=-1 "
    "! rtph264pay config-interval=-1 aggregate-mode=zero-latency",
    "vp8": "vp8enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist={fps} target-bitrate={bits} "
    "! rtpvp8pay picture-id-mode=15-bit",
}
NAMES = {"h264": "H264", "vp8": "VP8"}
PIPELINE = (
    "webrtcbin name=peer bundle-policy=max-bundle latency=0 "
    "videotestsrc is-live=true pattern=ball "
    "! video/x-raw,width=640,height=360,framerate={fps}/1 ! videoconvert ! video/x-raw,format=I420 ! queue "
    "! {encoder} pt={video_pt} seqnum-offset={video_seqnum} mtu=1200 ! valve name=videogate drop=true drop-mode=forward-sticky-events "
    "! application/x-rtp,media=video,encoding-name={name},payload={video_pt} ! peer. "
    "audiotestsrc is-live=true wave=ticks samplesperbuffer=960 "
    "! audio/x-raw,rate=48000,channels={channels} ! audioconvert ! queue ! opusenc frame-size=20 "
    "! rtpopuspay pt={audio_pt} seqnum-offset={audio_seqnum} ! valve name=audiogate drop=true drop-mode=forward-sticky-events "
    "! application/x-rtp,media=audio,encoding-name=OPUS,payload={audio_pt} ! peer."
)


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Client:
    def __init__(self, options):
        self.options = options
        self.loop = GLib.MainLoop()
        self.resource = None
        self.failure = None
        self.counters = {"frames": 0, "sounds": 0, "videoPackets": 0}
        self.is_connected = False
        self.is_open = False
        self.sequence = {}
        self.pipeline = Gst.parse_launch(self.description())
        self.peer = self.pipeline.get_by_name("peer")
        self.gates = [self.pipeline.get_by_name(name) for name in ("videogate", "audiogate")]
        self.probe("encoder", self.on_frame)
        self.probe("videogate", lambda packet: self.on_packet("video", packet))
        self.probe("audiogate", lambda packet: self.on_packet("audio", packet))
        for n in range(2):
            transceiver = self.peer.emit("get-transceiver", n)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            transceiver.set_property("do-nack", options.rtx)

    def description(self):
        options = self.options
        kbits = options.kbits
        return PIPELINE.format(
            encoder=ENCODERS[options.codec].format(kbits=kbits, bits=kbits * 1000, fps=options.fps),
            name=NAMES[options.codec],
            fps=options.fps,
            video_pt=options.video_pt,
            audio_pt=options.audio_pt,
            channels=options.channels,
            video_seqnum=options.video_seqnum,
            audio_seqnum=options.audio_seqnum,
        )

    def probe(self, element, act):
        def each(_pad, info):
            if info.type & Gst.PadProbeType.BUFFER_LIST:
                packets = info.get_buffer_list()
                for n in range(packets.length()):
                    act(packets.get(n))
            else:
                act(info.get_buffer())
            return Gst.PadProbeReturn.OK

        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
        self.pipeline.get_by_name(element).get_static_pad("src").add_probe(kinds, each)

    def on_frame(self, frame):
        """Runs before the packets of this frame are made."""
        is_key = not frame.has_flags(Gst.BufferFlags.DELTA_UNIT)
        if self.counters["frames"] == 0 and not (self.is_connected and is_key):
            return
        if self.counters["frames"] == 0:
            self.set_gates(is_open=True)
        if self.is_open and self.counters["frames"] == round(self.options.seconds * self.options.fps):
            self.set_gates(is_open=False)
            GLib.timeout_add(DRAIN_MS, self.finish)
            return
        if self.is_open:
            self.counters["frames"] += 1

    def set_gates(self, is_open):
        self.is_open = is_open
        for gate in self.gates:
            gate.set_property("drop", not is_open)

    def on_packet(self, kind, packet):
        self.counters["videoPackets" if kind == "video" else "sounds"] += 1
        sequence = int.from_bytes(packet.extract_dup(2, 2), "big")
        before = self.sequence.get(kind, sequence)
        self.sequence[kind] = sequence
        if before < 65536 - NEAR_WRAP <= sequence:
            say("near-wrap", kind=kind)
        if sequence < before - 32768:
            say("wrapped", kind=kind)

    def run(self):
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        self.peer.connect("on-negotiation-needed", self.on_negotiation_needed)
        self.peer.connect("notify::connection-state", self.on_connection)
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add_seconds(round(self.options.seconds) + 30, self.fail, "timed out")
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        if self.failure is not None:
            sys.exit(self.failure)

    def on_negotiation_needed(self, _peer):
        promise = Gst.Promise.new_with_change_func(self.on_offer)
        self.peer.emit("create-offer", None, promise)

    def on_offer(self, promise):
        # The reply owns the offer.
        reply = promise.get_reply()
        self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())
        GLib.timeout_add(GATHERING_MS, self.post_offer)

    def post_offer(self):
        offer = self.peer.get_property("local-description").sdp.as_text()
        try:
            with self.request("POST", self.options.url, offer) as response:
                answer = response.read().decode()
                location = response.headers["location"]
                say("answered", status=response.status, location=location)
        except urllib.error.HTTPError as error:
            self.fail(f"POST answered {error.code} {error.read().decode()}")
            return False
        self.resource = urllib.parse.urljoin(self.options.url, location)
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.peer.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def request(self, method, url, body=None):
        headers = {"content-type": "application/sdp"} if body is not None else {}
        if self.options.token is not None:
            headers["authorization"] = f"Bearer {self.options.token}"
        data = body.encode() if body is not None else None
        return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30)

    def on_connection(self, *_):
        state = self.peer.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            self.is_connected = True
            say("connected")
        elif state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            GLib.idle_add(self.fail, "connection failed")

    def on_error(self, _bus, message):
        error, debug = message.parse_error()
        self.fail(f"{error.message} {debug}")

    def fail(self, why):
        self.failure = self.failure or why
        self.loop.quit()
        return False

    def finish(self):
        say("sent", **self.counters)
        if self.options.delete:
            with self.request("DELETE", self.resource) as response:
                say("deleted", status=response.status)
        self.loop.quit()
        return False


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell whether everything it needs is there")
    parser.add_argument("--url")
    parser.add_argument("--token")
    parser.add_argument("--codec", choices=sorted(ENCODERS), default="vp8")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--kbits", type=int, default=600)
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--video-pt", type=int, default=96)
    parser.add_argument("--audio-pt", type=int, default=111)
    parser.add_argument("--video-seqnum", type=int, default=-1)
    parser.add_argument("--audio-seqnum", type=int, default=-1)
    parser.add_argument("--no-rtx", dest="rtx", action="store_false")
    parser.add_argument("--no-delete", dest="delete", action="store_false")
    return parser.parse_args()


def main():
    options = parse_options()
    Gst.init(None)
    needed = ["webrtcbin", "nicesrc", "dtlsenc", "x264enc", "vp8enc", "opusenc", "h264parse", "rtpvp8pay"]
    missing = [name for name in needed if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"GStreamer lacks {', '.join(missing)}")
    if not options.check:
        Client(options).run()


if __name__ == "__main__":
    main()
