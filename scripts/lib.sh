# shellcheck shell=bash
# Shared by the set-up scripts: one line per thing done, the log only when something failed.

say() { printf '%s\n' "$*"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command and shows its output only when it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" </dev/null >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then tail -n 40 "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

can_be_root() { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_apt() { command -v apt-get >/dev/null && can_be_root; }

# Prints those of the named Debian packages that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
      printf '%s\n' "$package"
    fi
  done
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"; }

# Installs what is missing of the named Debian packages. The package lists are fetched only when the install
# does not succeed with those at hand: a fresh machine has none, an old one has stale ones.
apt_install() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -eq 0 ]; then return 0; fi
  say "installing Debian packages: ${missing[*]}"
  apt_get install --no-install-recommends "${missing[@]}" </dev/null >/dev/null 2>&1 ||
    { quietly apt_get update && quietly apt_get install --no-install-recommends "${missing[@]}"; } ||
    return 1
}
