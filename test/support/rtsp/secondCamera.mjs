// The npm package node-rtsp-rtmp-server as an RTSP camera that shows what an RTMP encoder publishes to it. Its RTMP
// handshake needs `node --openssl-legacy-provider`. Argument: JSON with ports and a folder for its sockets.
import process from 'node:process';
import StreamServer from 'node-rtsp-rtmp-server';
import config from 'node-rtsp-rtmp-server/config.js';

const { rtsp, rtmp, udp, folder } = JSON.parse(process.argv[2]);
const udpNames = [
  ...['audioRTPServerPort', 'audioRTCPServerPort', 'videoRTPServerPort', 'videoRTCPServerPort'],
  ...['rtspVideoDataUDPListenPort', 'rtspVideoControlUDPListenPort'],
  ...['rtspAudioDataUDPListenPort', 'rtspAudioControlUDPListenPort'],
];
udpNames.forEach((name, i) => (config[name] = udp[i]));
for (const name of ['videoControl', 'audioControl', 'videoData', 'audioData']) {
  config[`${name}ReceiverPath`] = `${folder}/${name}`;
}
config.serverPort = rtsp;
config.rtmpServerPort = rtmp;

const server = new StreamServer();
server.setLivePathConsumer((uri, callback) => callback(null));
server.start();
