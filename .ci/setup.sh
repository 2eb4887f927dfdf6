#!/usr/bin/env bash
# Makes this checkout ready: packages, configuration, build. Quick when there is nothing to do. Written for Debian 12.
#   .ci/setup.sh [PRESET [TARGET…]]     PRESET of CMakePresets.json, default release; no TARGET: everything
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -gt 0 ] && shift

packages=(
  # tools
  g++ cmake ninja-build ccache pkg-config
  # libraries
  libfmt-dev libexpected-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev libtbb-dev libeigen3-dev
  libhdf5-dev liblz4-dev zlib1g-dev libtiff-dev libzmq3-dev cppzmq-dev libmsgpack-cxx-dev
  libsymspg-dev gemmi-dev tao-pegtl-dev libstb-dev
  # the window
  qt6-base-dev fonts-dejavu-core
  # tests and examples
  catch2 python3 python3-numpy python3-h5py python3-zmq python3-msgpack
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || { echo "setup: no apt-get here; install by hand: ${missing[*]}" >&2; exit 1; }
  echo "setup: installing ${missing[*]}"
  root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: these packages are missing and neither root nor sudo is here: ${missing[*]}" >&2; exit 1; }
    root=(sudo)
  fi
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

build=build/$preset
# Later changes of CMakeLists.txt are noticed by ninja itself.
if [ ! -f "$build/build.ninja" ] || [ CMakePresets.json -nt "$build/build.ninja" ]; then
  echo "setup: building in $build (minutes the first time)"
  cmake --preset "$preset" >/dev/null
  touch "$build/build.ninja"
fi
ninja -C "$build" -j "$(nproc)" --quiet "$@"
