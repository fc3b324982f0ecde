#!/bin/bash
# Tells a web service of each record: one POST with JSON. jq writes it, because a stream name may hold anything.
set -eu

: "${URL:=https://example.org/recordings}"

json=$(jq -n --arg stream "$1" --arg file "$2" --arg id "$RECORD_ID" --arg reason "$RECORD_STOP_REASON" \
  --argjson part "$RECORD_PART_INDEX" --argjson last "$RECORD_LAST_PART" \
  --argjson durationMs "$RECORD_DURATION_MS" --argjson bytes "$RECORD_BYTES" \
  '{$stream, $file, $id, $part, $last, $durationMs, $bytes, $reason}')

# A key for the service, so that it can tell a second try from a second record.
curl --silent --show-error --fail --max-time 20 --output /dev/null \
  -H 'Content-Type: application/json' -H "Idempotency-Key: $RECORD_ID-$RECORD_PART_INDEX" \
  --data-binary "$json" "$URL" || exit 75
