#!/usr/bin/env python3
"""An IP camera made of GStreamer's RTSP server.

Its one argument is a JSON object:
  port      port on 127.0.0.1; 0 takes a free one
  mounts    path -> launch line with payloaders pay0, pay1, ...
  shared    one pipeline for all clients of a path (default: one for each client)
  auth      {"method": "basic" | "digest", "user": ..., "password": ...}
Prints "ready PORT" when it accepts connections, then "client" for each connection.
"""
import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def demand_login(server, auth):
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    rtsp_auth = GstRtspServer.RTSPAuth()
    if auth["method"] == "digest":
        rtsp_auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        rtsp_auth.add_digest(auth["user"], auth["password"], token)
    else:
        rtsp_auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        rtsp_auth.add_basic(GstRtspServer.RTSPAuth.make_basic(auth["user"], auth["password"]), token)
    server.set_auth(rtsp_auth)


def factory_of(launch, options):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {launch} )")
    factory.set_shared(options.get("shared", False))
    if "auth" in options:
        permissions = "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(permissions))
    return factory


def main():
    options = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options["port"]))
    if "auth" in options:
        demand_login(server, options["auth"])
    mounts = server.get_mount_points()
    for path, launch in options["mounts"].items():
        mounts.add_factory(path, factory_of(launch, options))
    server.connect("client-connected", lambda *_: print("client", flush=True))
    if server.attach(None) == 0:
        sys.exit("the port cannot be used")
    print("ready", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
