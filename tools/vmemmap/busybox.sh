#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# busybox.sh <x86_64|arm64|riscv64> - print where a static busybox for guests of that
# architecture is; fetch it if need be

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
x86_64) arch=amd64 ;;
arm64|riscv64) arch=$1 ;;
*) fail "busybox.sh: the architecture is x86_64, arm64 or riscv64, not '${1-}'" ;;
esac
dir=$cache/busybox-$arch

# apt as it would be on a machine of that architecture, with the sources of this
# one; or with those of the first suite that has the architecture.
foreign_apt() {
	local apt=(private_apt "$dir.part")

	[ "$arch" != riscv64 ] || apt=(suites_apt "$dir.part" trixie)
	"${apt[@]}" -o APT::Architecture="$arch" -o APT::Architectures="$arch" "$@"
}

# The package has it in /bin or in /usr/bin.
unpack() {
	rm -rf "$dir.part" && mkdir -p "$dir.part" && cd "$dir.part" &&
		foreign_apt update && foreign_apt download busybox-static &&
		dpkg-deb -x busybox-static_*.deb . && rm -rf lists cache sources.list ./*.deb &&
		{ [ -e bin ] || ln -s usr/bin bin; }
}

fetch() {
	step "fetching busybox for $1" "busybox-$1" unpack || {
		rm -rf "$dir.part"
		fail "cannot fetch busybox-static for $1: $(why "busybox-$1"); mend that and call again"
	}
	mv "$dir.part" "$dir"
}

if [ "$1" = "$(host_arch)" ]; then
	need guest
	command -v busybox
	exit
fi
[ -x "$dir/bin/busybox" ] || command -v apt-get >/dev/null ||
	fail "guests of $1 need a static busybox of that architecture; put one to $dir/bin/busybox"
if [ ! -d "$dir" ]; then
	lock "$cache"
	[ -d "$dir" ] || fetch "$1"
fi
echo "$dir/bin/busybox"
