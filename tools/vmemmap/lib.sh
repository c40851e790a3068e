# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# lib.sh - what the scripts here share: words, places, errors, long steps, root
#
# Sourced, never run. Results go to stdout, everything else to stderr.

set -euo pipefail
export LC_ALL=C

say() { echo "$*" >&2; }
fail() {
	echo "error: $*" >&2
	exit 1
}

# ---- Words ----

# A script takes words such as BASE=7.3 among its arguments, and none of them from the
# environment, where such names may mean something else. FORCE and INSTALL are taken from
# both. The words of a call are kept for the scripts that it calls.
unset ACCEL BASE CONFIG FILTER FUNCTIONS KERNEL KTAP LINUX MINUTES MM N PARTS PATCHES SCENARIO SEED SIGNOFF STOCK V
words=() arguments=()
for argument; do
	case $argument in
	MINUTES=*|N=*|SECONDS=*|SEED=*)
		[[ ${argument#*=} =~ ^[0-9]+$ ]] || fail "$argument is not a number"
		[[ $argument == SECONDS=* ]] || declare "$argument"	# the shell's own
		words+=("$argument") ;;
	ACCEL=*|BASE=*|CONFIG=*|FILTER=*|FORCE=*|FUNCTIONS=*|INSTALL=*|KERNEL=*|KTAP=*|LINUX=*|\
	MM=*|PARTS=*|PATCHES=*|SCENARIO=*|SIGNOFF=*|STOCK=*|V=*)
		declare "$argument"
		words+=("$argument") ;;
	*) arguments+=("$argument") ;;
	esac
done
set -- "${arguments[@]}"
export FORCE=${FORCE:-} INSTALL=${INSTALL:-}
BASE=${BASE:-6.12} ACCEL=${ACCEL:-tcg} LINUX=${LINUX:-} MM=${MM:-} KERNEL=${KERNEL:-} SCENARIO=${SCENARIO:-}
MINUTES=${MINUTES:-}

# Not every shell expands the tilde in LINUX=~/linux.
for word in LINUX MM; do
	# shellcheck disable=SC2088 # it is the tilde itself that is looked for
	if [[ ${!word} = "~" || ${!word} = "~/"* ]]; then
		declare "$word=$HOME${!word#"~"}"
		words+=("$word=${!word}")
	fi
done

# one_of <variable> <words>: each word of the variable must be one of these.
one_of() {
	local word

	for word in ${!1:-none}; do
		[[ " ${2//[[:space:]]/ } " == *" $word "* ]] || fail "$1=$word is not known; known: $2"
	done
}

# call <script> <argument>...: another script here, with the words of this call.
call() { "$tools/$1.sh" "${words[@]}" "${@:2}"; }

# again <goal> <word>...: the command that does it again on the same kernel source.
again() {
	local word

	printf 'make %s' "$1"
	for word in "${words[@]}"; do
		[[ $word != @(BASE|LINUX|CONFIG)=* ]] || set -- "$@" "$word"
	done
	shift
	[ $# = 0 ] || printf ' %q' "$@"
	echo
}

# each <variable> <default>: if it is several words, do this script for each of them.
each() {
	local value status=0

	[ -n "${!1}" ] || declare -g "$1=$2"
	[[ ${!1} == *[[:space:]]* ]] || return 0
	for value in ${!1}; do
		"$0" "${words[@]}" "$1=$value" "${arguments[@]}" || status=$?
		[ $status -lt 126 ] || break	# interrupted
	done
	exit $status
}

# ---- Places ----

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build
# A name for the base that can be part of a path; trees of the same name have different ones.
id=$BASE
[ -z "$LINUX" ] || id=$(basename "$LINUX")-$(realpath -m "$LINUX" | cksum | cut -d' ' -f1)
log=$build/log/$id
tools=$top/tools/vmemmap cache=~/.cache/vmemmap
# A relative path says nothing, by the standard of this variable.
# shellcheck disable=SC2034 # for those who source this
[[ ${XDG_CACHE_HOME-} != /* ]] || cache=$XDG_CACHE_HOME/vmemmap

# ---- Steps ----

clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# Say every now and then that a step still runs. Ends with its script, whatever
# ends that, and holds none of its files open.
tick() {
	local start=$SECONDS every=60 before='' after='\n'

	trap '' INT
	[ ! -t 2 ] || every=1 before='\r' after=''
	while sleep 1 && kill -0 $$ 2>/dev/null; do
		if [ $(((SECONDS - start) % every)) = 0 ]; then
			printf "$before%s ... %s$after" "$1" "$(clock $((SECONDS - start)))" >&2
		fi
	done
}

# step <what> <log name> <command...>: run a command that takes its time; its
# output goes to a log. Returns its status.
step() {
	local what=$1 out=$log/$2.log start=$SECONDS rc=0 ticker

	shift 2
	mkdir -p "$log" || fail "cannot write to $build"
	tick "$what" >/dev/null 9>&- &
	ticker=$!
	"$@" >"$out" 2>&1 </dev/null || rc=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	[ ! -t 2 ] || printf '\r\033[K' >&2
	[ $rc != 0 ] || say "$what: $(clock $((SECONDS - start)))"
	return $rc
}

# The line of a step's log that says best why it failed.
why() {
	local out=$log/$1.log line

	line=$(for pattern in 'No space left' ' error: ' '^E: ' ' Error '; do
		grep -E -m1 "$pattern" "$out" && break
	done || tail -n 1 "$out")
	echo "${line:-no reason given; is there room on the disk?}" | cut -c 1-300
}

# try_each <function> <word>...: call the function with each word; a line for each,
# then the counts. Returns 0 if it came out right for all.
try_each() {
	local function=$1 word pass=0 fail=0

	shift
	for word; do
		if ("$function" "$word"); then
			echo "ok $word $function"
			pass=$((pass + 1))
		else
			echo "not ok $word $function"
			fail=$((fail + 1))
		fi
	done
	echo "# Totals: pass:$pass fail:$fail skip:0 error:0"
	[ $fail = 0 ]
}

# Let nobody else do what follows in a directory at the same time.
lock() {
	{ mkdir -p "$1" && [ -w "$1" ]; } 2>/dev/null || fail "cannot write to $1"
	exec 9>"$1/.lock"
	flock -n 9 || {
		say "waiting for another call that works in $1"
		flock 9
	}
}

# ---- Machines ----

# The architecture of this machine, as the kernels here call it.
host_arch() { uname -m | sed 's/^aarch64$/arm64/'; }

# The compiler of another architecture has a prefix.
cross_prefix() {
	[ "$1" = "$(host_arch)" ] || case $1 in
	x86_64) echo x86_64-linux-gnu- ;;
	arm64) echo aarch64-linux-gnu- ;;
	s390) echo s390x-linux-gnu- ;;
	loongarch64) ;;	# clang
	*) echo "$1-linux-gnu-" ;;
	esac
}

# KVM runs the architecture of its machine alone.
accel_for() { if [ "$1" = "$(host_arch)" ]; then echo "$ACCEL"; else echo tcg; fi; }

# need <part>...: packages, before anything that takes long.
need() { call packages "$@" >&2; }

# parts_for <names> <part>...: these parts, of each architecture among kernels or scenarios.
parts_for() {
	local name part

	for name in $1; do
		for part in "${@:2}"; do
			echo "$part-${name%%-*}"
		done
	done | sort -u
}

can_be_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# A step that needs apt's lists; they are brought up to date if it does not go
# without.
apt_step() {
	step "$@" && return
	can_be_root && step "updating the lists of apt" apt-update as_root apt-get update && step "$@"
}

# private_apt <dir> <arguments of apt-get>...: apt with lists of its own, so that
# those of the machine stay as they are.
private_apt() {
	local dir=$1

	shift
	mkdir -p "$dir"/{lists,cache}/partial
	apt-get -o Dir::State::Lists="$dir/lists" -o Dir::State::status=/dev/null \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User="$(id -un)" \
		-o APT::Update::Error-Mode=any -o Acquire::Languages=none "$@"
}

# suites_apt <dir> <suites> <arguments of apt-get>...: the same with these suites of Debian,
# from the mirror that this machine uses.
suites_apt() {
	local dir=$1 suites=$2 mirror suite

	shift 2
	mkdir -p "$dir"
	# shellcheck disable=SC2016 # apt's own variable
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Label: Debian' | sed -n 1p)
	for suite in $suites; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"${mirror:?apt knows no mirror of Debian}" "$suite main"
	done >"$dir/sources.list"
	private_apt "$dir" -o Dir::Etc::sourceparts=- -o Dir::Etc::sourcelist="$dir/sources.list" "$@"
}

# copy_clone <dir>: our files as they are here, be they committed or not.
copy_clone() {
	mkdir "$1"
	(cd "$top" && { git ls-files -co --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print; } |
		while read -r file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
		xargs -0 cp --parents --preserve=mode -t "$1")
}

# The version of this back end.
own_version() { sed -n 's/^#define VMEMMAP_VERSION "\(.*\)"$/\1/p' "$top/mm/vmemmap.h"; }

# The series that a kernel tree belongs to.
series_of() { sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$1/Makefile" | paste -sd.; }

# A line for each kernel: its name, the goal that boots it, what is special about it.
kernel_table() {
	cat <<-END
		x86_64 test-both all that the scenarios need, DEBUG_VM
		x86_64-page80 test-all struct pages of 80 bytes
		x86_64-release test-all no DEBUG_VM, an IOMMU
		arm64-4k test 4K pages
		arm64-16k test-all 16K pages
		arm64-64k test 64K pages
		arm64-64k-release test-all no DEBUG_VM, removed memory is read as zeros
		riscv64 test-newest the top level of three to five stays
		x86_64-kasan test-debug watched by KASAN
		x86_64-lockdep test-debug watched by lockdep, kmemleak and more
		x86_64-kcsan test-debug watched by KCSAN
		x86_64-stress stress pages that are poisoned, a disk in RAM
		x86_64-show show debug info and tracers
		arm64-64k-show show the same with 64K pages
		x86_64-defconfig links the defaults of x86_64 without drivers
		x86_64-nohotplug links the same without memory hotplug
		arm64-defconfig links the defaults of arm64 without drivers
		arm64-nohotplug links the same without memory hotplug
		riscv64-defconfig links the defaults of riscv64 without drivers
		riscv64-nohotplug cross the same without memory hotplug
		powerpc64le-defconfig links the same of powerpc64, little-endian
		powerpc64le-nohotplug cross the same without memory hotplug
		powerpc64-hash-defconfig cross big-endian, hashed page tables alone
		powerpc64-hash-nohotplug cross the same without memory hotplug
		s390-defconfig cross all defaults of s390
		s390-nohotplug cross the same without memory hotplug
		loongarch64-defconfig links the defaults of loongarch64 without drivers, by clang
		loongarch64-nohotplug cross the same without memory hotplug
		sparc64-nohotplug cross all defaults of sparc64
		x86_64-bench bench no checks, and what measures
		arm64-4k-bench bench the same on arm64 with 4K pages
		arm64-64k-bench bench the same with 64K pages
	END
}

# The same for each scenario, with its kernel before the last.
scenario_table() {
	command -v python3 >/dev/null || call packages python >&2
	PYTHONDONTWRITEBYTECODE=1 "$tools/scenarios.py"
}

# kernel_of <scenario>
kernel_of() { scenario_table | awk -v name="$1" '$1 == name { print $3 }'; }

# names <table> [goal]...: what these goals run, or all.
names() {
	"$1" | awk -v goals=" ${*:2} " 'goals == "  " || index(goals, " " $2 " ") { print $1 }' | xargs
}

series="6.12 7.2 7.3"	# of Linux, that our files serve
# shellcheck disable=SC2034 # for those who source this
for_kunit="test-both test test-newest test-all test-debug"	# goals whose kernels have KUnit
# shellcheck disable=SC2034
mapfile -t patched < <(sed -n 's,^// edits: ,,p' "$tools"/*.cocci | sort -u)	# stock files, by our rules

# The stock files that ours replace or are merged into; a tree may lack some of them.
stock_files() (
	cd "$top"
	printf '%s\n' Kconfig MAINTAINERS Documentation/mm/index.rst mm/sparse-vmemmap.c "${patched[@]}" \
		{mm,lib,arch/*/mm}/Makefile.vmemmap | sed 's/\.vmemmap$//'
)

one_of BASE "$series"
one_of ACCEL "tcg kvm"
