#!/usr/bin/env bash
# Installs what building and testing need and is not there: packages, and nothing else.
# Usage: install-dependencies.sh [quick]   `quick` leaves out what only virtual machines and the benchmarks need.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(gcc libc6-dev libudev-dev pkg-config shellcheck)
# Makers and readers of images; servers and mounts to test against.
packages+=(e2fsprogs util-linux xorriso genisoimage udftools erofs-utils libarchive-tools fuseiso fuse3 nginx-light apache2-bin autofs curl wget systemd udev perl mount procps iproute2)
# A server of shares.
packages+=(samba bzip2 xz-utils python3-minimal)
# HTTPS in front of our own server.
packages+=(caddy openssl faketime)
# Clients that take packages and trees from media, and makers of what they take.
packages+=(apt-utils aria2 createrepo-c dnf gpg gpg-agent gpgv isomd5sum minisign signify-openbsd grub-common grub-efi-amd64-bin grub-pc-bin libosinfo-bin mtools osinfo-db rpm)
# Those who read and run container images.
packages+=(bubblewrap jq skopeo umoci)
# Packages, manuals and completions, and who complains of them.
packages+=(binutils dpkg-dev fish groff-base lintian man-db mandoc rpmlint selinux-policy-dev zsh)
if [ "${1:-}" != quick ]; then
    packages+=(g++ mmdebstrap qemu-system-x86 wrk)
    # A browser, and what it writes with.
    packages+=(chromium fonts-dejavu-core)
    # Firmware, and an installer to boot over the network.
    packages+=(ipxe-qemu ovmf debian-installer-12-netboot-amd64)
fi
./packaging/install-packages.sh "${packages[@]}"

if ! command -v cargo >/dev/null; then
    echo 'no cargo here; please install a Rust toolchain from https://rustup.rs/' >&2
    exit 1
fi
