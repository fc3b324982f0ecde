# recorderd with Debian's FFmpeg. Build: docker build -t recorderd . Use: docs/installation.md#docker
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ffmpeg tini \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --user-group --uid 986 --home-dir /var/lib/recorderd --shell /usr/sbin/nologin recorderd \
  && install -d -o recorderd -g recorderd /var/lib/recorderd /var/lib/recorderd/records
WORKDIR /opt/recorderd
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY web web
COPY docs docs
COPY package.json README.md CHANGELOG.md LICENSE ./
COPY conf/flashphoner.properties /etc/recorderd/flashphoner.properties
COPY --chmod=755 scripts/on_record_hook.sh /var/lib/recorderd/scripts/on_record_hook.sh
USER recorderd
VOLUME ["/var/lib/recorderd/records"]
# ws, wss, http, https, rtmp, rtsp, WebRTC media
EXPOSE 8080 8443 8081 8444 1935 8554 31000/udp
# The process answers at all; with another http.port give another one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8081/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# tini reaps what hooks leave behind and hands SIGTERM to the server alone.
ENTRYPOINT ["tini", "--", "node", "/opt/recorderd/dist/main.js", "--home", "/var/lib/recorderd"]
