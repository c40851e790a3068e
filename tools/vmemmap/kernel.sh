#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh <kernel> [arguments to make] - build a kernel with our back end, for
# KUnit and for the scenarios alike; print the directory of its objects. What boots is
# "image" there
#
# A kernel is an architecture, and what makes it special: arm64-64k has 64K pages,
# x86_64-page80 has struct pages of 80 bytes; what ends in -defconfig or -nohotplug
# has all that the architecture has by default, to be linked, not to be run;
# x86_64-release goes without the checks of DEBUG_VM and has an IOMMU; x86_64-kasan
# and x86_64-lockdep have more checks, and are slow; what ends in -bench has none and
# no KUnit, but what measures. With STOCK=1, build it without our back end, to
# compare; then nothing else can be built from that tree meanwhile.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=${1:-none}
one_of KERNEL "$(kernel_table | cut -d' ' -f1 | xargs)"
arch=${KERNEL%%-*}
case $arch in
x86_64) cross='' image=arch/x86/boot/bzImage ;;
arm64) cross=aarch64-linux-gnu- image=arch/arm64/boot/Image.gz ;;
esac
[ $# != 1 ] || set -- "$KERNEL" "${image##*/}"
[[ $top != *[:\ ]* ]] || fail "no kernel can be built in '$top': there is a space or a colon in the path"

"$tools/packages.sh" "kernel-$arch"
src=$("$tools/overlay.sh" copy)
objects=${src%/src}/$KERNEL${STOCK:+-stock}
config=tinyconfig flags='' fragments=("$tools/configs"/{guest,"$arch",debug}.config "$top/mm/tests/.kunitconfig")
case $KERNEL in
*-defconfig|*-nohotplug) config=defconfig fragments=("$tools/configs/${KERNEL#*-}.config") ;;
*-bench) fragments=("$tools/configs"/{guest,"$arch","${KERNEL%-bench}",bench}.config) ;;
*-release) unset "fragments[2]" ;;&
*-page80) flags=-DWANT_PAGE_VIRTUAL ;;&
*-*) fragments+=("$tools/configs/$KERNEL.config") ;;
esac
for fragment in "${fragments[@]}"; do	# what one series alone has
	fragment=${fragment%.config}-$(series_of "$src").config
	[ ! -e "$fragment" ] || fragments+=("$fragment")
done

# What goes into an object must be the same in another clone, so that ccache
# knows it again.
export PATH=/usr/lib/ccache:$PATH CCACHE_DIR=$cache/ccache
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_VERSION=1
export KBUILD_BUILD_USER=vmemmap KBUILD_BUILD_HOST=vmemmap
unset MAKEFLAGS MAKELEVEL

kmake() {
	make -C "$src" O="$objects" ARCH="$arch" CROSS_COMPILE="$cross" KCFLAGS="$flags" -j"$(nproc)" "$@"
}

configure() {
	cat "${fragments[@]}" >"$objects/asked.new" &&
		kmake "$config" &&
		(cd "$objects" && "$src/scripts/kconfig/merge_config.sh" -m .config asked.new) &&
		kmake olddefconfig &&
		mv "$objects/asked.new" "$objects/asked"
}

# The linker may put a plain file in the place of /dev/null when root builds a
# kernel; then every other program goes astray.
restore_null() {
	[ -c /dev/null ] || { rm -f /dev/null && mknod -m 666 /dev/null c 1 3; } ||
		fail "/dev/null is not a device; as root: rm -f /dev/null; mknod -m 666 /dev/null c 1 3"
}

lock "$objects"
if [ -n "${STOCK:-}" ]; then
	PARTS=lib "$tools/overlay.sh" lay "$src"
	trap '"$tools/overlay.sh" lay "$src"' EXIT
fi
restore_null
cat "${fragments[@]}" | cmp -s - "$objects/asked" ||
	step "configuring the $KERNEL kernel" "configure-$KERNEL" configure ||
	fail "the $KERNEL kernel cannot be configured: $(why "configure-$KERNEL")"
restore_null
lost=$(grep '^CONFIG_' "$objects/asked" | grep -vxFf "$objects/.config" | grep -vxF "${STOCK:+CONFIG_SPARSEMEM_VMEMMAP_KUNIT_TEST=y}" | xargs) || true
[ -z "$lost" ] || fail "asked for in tools/vmemmap/configs, but not in $objects/.config: $lost"

rc=0
step "building the $KERNEL kernel" "build-$KERNEL" kmake "${@:2}" || rc=$?
restore_null
if [ $rc != 0 ]; then
	grep -A 5 ' error: ' "$log/build-$KERNEL.log" >&2 || tail -n 15 "$log/build-$KERNEL.log" >&2
	fail "the $KERNEL kernel does not build: $(why "build-$KERNEL") (all of it: $log/build-$KERNEL.log)"
fi
ln -sfn "$image" "$objects/image"
echo "$objects"
