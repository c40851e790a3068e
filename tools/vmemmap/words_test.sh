#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# words_test.sh - what the goals and scripts say to words and machines that are not as they
# should be: one line of error for one cause. In KTAP; builds no kernel
#
# Everything happens in a copy of this clone, with a PATH of its own whose programs can be
# taken away or replaced.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
clone=$scratch/clone bin=$scratch/bin number=0 failed=0
export HOME=$scratch/home
unset XDG_CACHE_HOME MAKEFLAGS MAKELEVEL CCACHE_DIR
mkdir "$HOME"

copy_clone() {
	mkdir "$1" && tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C "$1" -xf -
}

# All programs of this machine but some.
programs_without() {
	rm -rf "$bin" && mkdir "$bin"
	find /usr/bin/ /bin/ -maxdepth 1 ! -type d ! -name X11 -exec ln -sf -t "$bin" {} +
	(cd "$bin" && rm -f "$@")
}

# stub <program> <line of a script>...: another program of that name.
stub() {
	rm -f "$bin/$1"
	printf '%s\n' '#!/bin/bash' "${@:2}" >"$bin/$1"
	chmod +x "$bin/$1"
}

# result <what> <why not, or nothing>
result() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1 # $2"
		sed 's/^/#	/' "$scratch/output" || true
		failed=$((failed + 1))
	fi
}

run_it() {
	status=0
	(cd "$clone" && PATH=$bin timeout 600 "$@") >"$scratch/output" 2>&1 </dev/null || status=$?
}

# refuses <pattern> <command>...: it fails, and says so in one line of error.
refuses() {
	local why=''

	run_it "${@:2}"
	[ $status != 0 ] || why="it succeeds"
	grep -qE "$1" "$scratch/output" || why="it does not say '$1'"
	[ "$(grep -cE '^error: |\*\*\* .*Stop\.$' "$scratch/output")" = 1 ] || why="it does not say so in one line"
	result "${*:2}: $1" "$why"
}

# does <pattern> <command>...: it succeeds, and says this.
does() {
	local why=''

	run_it "${@:2}"
	[ $status = 0 ] || why="it fails"
	grep -qE -e "$1" "$scratch/output" || why="it does not say '$1'"
	! grep -q 'warning:' "$scratch/output" || why="it warns"
	result "${*:2}: $1" "$why"
}

holds() { # <what> <command>...
	if "${@:2}" >/dev/null 2>&1; then result "$1" ''; else result "$1" "it does not"; fi
}

script=tools/vmemmap
copy_clone "$clone"
programs_without

# ---- Words that a goal does not take ----
refuses 'run takes SCENARIO=.*, not KERNEL=' make run KERNEL=arm64-64k
refuses 'kunit takes KERNEL=.*, not SCENARIO=' make kunit SCENARIO=arm64-64k
refuses 'unit takes FILTER=.*, not KERNEL=' make unit KERNEL=x86_64
refuses 'fuzz takes SECONDS=.*, not SEED=' make fuzz SEED=1
refuses 'test takes KERNEL=.*, not FILTER=' make test FILTER=x
refuses 'clean takes no words, not BASE=' make clean BASE=6.12
refuses 'run takes .*, not SCENARO=' make run SCENARO=x86_64

# ---- Words that say nothing ----
refuses 'BASE=9.9 is not known; known: 6.12' make run BASE=9.9
refuses 'SCENARIO=foo is not known; known: x86_64' make run SCENARIO=foo
refuses 'SCENARIO=foo is not known' make compare SCENARIO=foo
refuses 'KERNEL=x86_64-bench is not known; known: x86_64' make kunit KERNEL=x86_64-bench
refuses 'KERNEL=x86_64-defconfig is not known' make kunit KERNEL=x86_64-defconfig
refuses 'KERNEL=x86_64 is not known; known: x86_64-bench' make bench KERNEL=x86_64
refuses 'ACCEL=foo is not known; known: tcg kvm' make run ACCEL=foo
refuses 'SEED=abc is not a number' make unit SEED=abc
refuses 'SECONDS=abc is not a number' make fuzz SECONDS=abc
refuses 'MINUTES=abc is not a number' make test MINUTES=abc
refuses 'N=abc is not a number' make mutants N=abc
refuses 'mm/ has no function vmemmap_put_blok; near: .*vmemmap_put_block' make mutants FUNCTIONS=vmemmap_put_blok
refuses 'MM=/nowhere has no sparse-vmemmap.c' make unit MM=/nowhere
refuses 'CONFIG=FTRACE is not of the form FTRACE=y' make kunit KERNEL=x86_64 CONFIG=FTRACE
# shellcheck disable=SC2088 # it is for the script to expand
refuses "there is no directory '$HOME/linux'" make run 'LINUX=~/linux'

# ---- Words of the environment are somebody else's ----
does '^tools/vmemmap/run.sh *$' env KERNEL=/boot/vmlinuz BASE=x SCENARIO=y LINUX=z make -n run
does 'make run' env KERNEL=/boot/vmlinuz BASE=x SCENARIO=y PARTS=lib STOCK=1 ACCEL=hvf "$script/help.sh"
refuses 'KERNEL=none is not known' env KERNEL=x86_64 "$script/kernel.sh"

# ---- Help knows what there is ----
does '^ +arm64-64k-self +' make help
does '^ +x86_64-page80 +' make help
does 'FILTER=' make help

# ---- A path that make cannot cope with ----
for name in 'a b' a:b "a'b" 'a"b' "a\$b" 'a#b' 'a%b'; do
	copy_clone "$scratch/$name"
	clone=$scratch/$name
	for goal in unit coverage run test; do
		refuses 'the path of this clone, .*move the clone elsewhere' make $goal
	done
	does 'make run' make help
	rm -rf "$clone"
done
clone=$scratch/clone

# ---- Places ----
does "stay in $HOME/.cache/vmemmap" env XDG_CACHE_HOME=relative make help
does "stay in /elsewhere/vmemmap" env XDG_CACHE_HOME=/elsewhere make help
refuses 'cannot write to /proc/nowhere/vmemmap' env XDG_CACHE_HOME=/proc/nowhere "$script/base.sh"

rm -rf "$clone/build"
mkdir -p "$scratch/elsewhere/log"
ln -s ../elsewhere "$clone/build"
does 'remove that directory' make clean
holds 'make clean empties what build points to' [ ! -e "$scratch/elsewhere/log" ]
holds 'make clean keeps the link' [ -L "$clone/build" ]
rm "$clone/build"

# ---- User space ----
if [ -d "$build/unit" ]; then	# what was built here need not be built in the copy
	mkdir "$clone/build" && cp -a "$build/unit" "$clone/build"
fi
one='page64.*altmap*'	# cases, for which a second is enough
does '# Totals: pass:[1-9][0-9]* fail:0' make -j4 unit FILTER="$one"
does '# Totals: pass:[1-9][0-9]* fail:0' env O=/nowhere SEED=abc MM=/nowhere make unit FILTER="$one"
run_it flock build/unit/.lock timeout 2 make unit
holds 'a second make unit waits for the first' grep -q 'waiting for another call' "$scratch/output"

# What a run says at its end is told by a Makefile that only plays the harness.
cp "$clone/tools/testing/vmemmap/Makefile" "$scratch/Makefile"
printf '%s\n' 'run: ; @printf "\043 seed 7\nok 1 a.x\nnot ok 2 a.y\nnot ok 3 b.z\n"; false' 'build: ; @false' \
	>"$clone/tools/testing/vmemmap/Makefile"
run_it make unit
holds 'make unit lists what failed' grep -q '^failed: 2 cases: a.y b.z$' "$scratch/output"
holds 'make unit says how to repeat the first' grep -qx 'repeat the first: make unit SEED=7 FILTER=a.y' "$scratch/output"
refuses 'the sources as they are do not build' tools/testing/vmemmap/mutants.py -n 1
cp "$scratch/Makefile" "$clone/tools/testing/vmemmap/Makefile"

# ---- No apt-get: the programs count ----
programs_without apt-get dpkg dpkg-query dpkg-deb
does '# Totals: pass:[1-9][0-9]* fail:0' make unit FILTER="$one"
refuses 'fetched by apt-get, and this machine has none; name a tree of your own with LINUX=' "$script/base.sh"
programs_without apt-get dpkg dpkg-query dpkg-deb bison flex spatch qemu-system-x86_64
stub gcc 'exit 0'
refuses 'not on this machine: (bison|flex|spatch|qemu-system-x86_64|ndctl|daxctl|busybox|bc| )*; install' make run
programs_without apt-get dpkg dpkg-query dpkg-deb gcc
refuses 'not on this machine: gcc stdio.h; install' make unit

# ---- Nothing is installed that nobody wants ----
programs_without
stub dpkg-query 'exit 1'
stub apt-get 'echo "error: installed"; exit 1'
does '# Totals: pass:[1-9][0-9]* fail:0' make unit FILTER="$one" INSTALL=no
does '# Totals: pass:[1-9][0-9]* fail:0' env INSTALL=no make unit FILTER="$one"
stub id 'echo 1000'
stub sudo 'exit 1'
does '# Totals: pass:[1-9][0-9]* fail:0' make unit FILTER="$one"
rm "$bin/bison" 2>/dev/null || true
refuses 'not on this machine: .*bison.*\. Run: sudo apt-get install --no-install-recommends [a-z]' "$script/packages.sh" kernel-x86_64
holds 'no package is named twice' [ -z "$(sed -n 's/.*recommends //p' "$scratch/output" | xargs -n1 | sort | uniq -d)" ]
run_it make test
holds 'make test asks once' [ "$(grep -c 'sudo apt-get' "$scratch/output")" = 1 ]

# ---- A tree that was built is copied as it was before ----
programs_without
linux=$scratch/linux
mkdir -p "$linux"/{include/config,mm}
printf '%s\n' 'VERSION = 6' 'PATCHLEVEL = 12' 'mrproper: ; rm -rf .config include/config' >"$linux/Makefile"
touch "$linux/.config" "$linux/mm/Makefile"
cp "$clone/$script/overlay.sh" "$scratch/overlay.sh"
echo '#!/bin/bash' >"$clone/$script/overlay.sh"
does '/build/linux-[0-9]*/src$' "$script/tree.sh" LINUX="$linux"
copy=$(tail -n 1 "$scratch/output")
holds 'the copy has its sources' [ -e "$copy/mm/Makefile" ]
holds 'the copy has nothing that was built' [ ! -e "$copy/.config" ]
holds 'the tree itself is as it was' [ -e "$linux/.config" ]
holds 'the logs of a tree are its own' [ -d "$clone/build/log/$(basename "$(dirname "$copy")")" ]

# ---- How a kernel is built, by a make that only writes down what it is asked for ----
asks() { # <pattern> <machine> <word>...
	programs_without apt-get dpkg-query
	for name in bc bison flex spatch xz {x86_64,aarch64}-linux-gnu-gcc; do
		stub "$name" 'exit 0'
	done
	stub gcc 'exit 0'
	stub uname "echo $2"
	stub make "echo \"\$CCACHE_DIR \$*\" >>$scratch/asked" 'exit 1'
	rm -f "$scratch/asked"
	touch "$scratch/asked"
	run_it "$script/kernel.sh" LINUX="$linux" "${@:3}"
	cp "$scratch/asked" "$scratch/output"
	holds "on $2, ${*:3}: make gets $1" grep -qE -e "$1" "$scratch/asked"
}
rm "$linux/.config" && rm -r "$linux/include"
asks ' CROSS_COMPILE= ' x86_64 KERNEL=x86_64
asks ' CROSS_COMPILE=aarch64-linux-gnu- ' x86_64 KERNEL=arm64-4k
asks ' CROSS_COMPILE= ' aarch64 KERNEL=arm64-4k
asks ' CROSS_COMPILE=x86_64-linux-gnu- ' aarch64 KERNEL=x86_64
asks "^$HOME/.cache/vmemmap/ccache " x86_64 KERNEL=x86_64
export CCACHE_DIR=$scratch/ccache
asks "^$scratch/ccache " x86_64 KERNEL=x86_64
export CCACHE_DIR=/proc/nowhere
asks "^$clone/build/ccache " x86_64 KERNEL=x86_64
unset CCACHE_DIR
asks ' tinyconfig$' x86_64 KERNEL=x86_64 CONFIG='FTRACE=y CONFIG_BLOCK=n'
cp "$copy/../x86_64/asked.new" "$scratch/output"
holds 'CONFIG= adds an option' grep -qx CONFIG_FTRACE=y "$scratch/output"
holds 'CONFIG= takes one away' grep -qx '# CONFIG_BLOCK is not set' "$scratch/output"

# ---- What a kernel complains of ----
complains() { # <complaints> <what> <line of the console>...
	printf '%s\n' "${@:3}" >"$scratch/console"
	run_it "$script/complaints.py" "$scratch/console"
	holds "$2" [ "$(wc -l <"$scratch/output")" = "$1" ]
}
programs_without
complains 0 'an expected warning is no complaint' '[ 1.0] # x: a WARNING is expected' 'WARNING: CPU: 0' 'Call Trace:' '    ok 1 x'
complains 1 'another bug is one, whatever is expected' '[ 1.0] # x: a WARNING is expected' 'BUG: KASAN: use-after-free' '    ok 1 x'
complains 1 'the next case expects nothing' '[ 1.0] # x: a WARNING is expected' '[ 1.1]     ok 1 x' 'WARNING: CPU: 0'
complains 2 'each line of a bug is one' 'Bad page state in process x' 'Call trace:'
complains 0 'a page that cannot be migrated is none' 'page dumped because: migration failure'

# ---- make test says what failed, and how to repeat it ----
programs_without
# shellcheck disable=SC2016 # for make
echo 'words unit show-test laid kunit run overlay-test patches-test: ; @echo "# Totals: pass:1 fail:$(if $(findstring hvo,$(SCENARIO)),2,0) skip:0 error:0"' \
	>"$clone/Makefile"
echo '#!/bin/bash' >"$clone/$script/packages.sh"
run_it "$script/test.sh" BASE=6.12
holds 'make test says how long it will take' grep -qE '^[0-9]+ parts on [0-9]+ kernels: about [0-9]+ minutes' "$scratch/output"
holds 'make test lists what failed' grep -qx 'failed: 6.12-run-x86_64-hvo' "$scratch/output"
holds 'make test says how to repeat the first' \
	grep -qx 'repeat the first: make run BASE=6.12 SCENARIO=x86_64-hvo' "$scratch/output"
holds 'make test leaves riscv64 to the newest series' [ "$(grep -c riscv64 "$scratch/output")" = 0 ]
holds 'make test ends with the counts' [ "$(tail -n 1 "$scratch/output" | grep -cE '^[0-9]+ passed, 2 failed, 0 skipped$')" = 1 ]
run_it "$script/test.sh"
holds 'make test has riscv64 on the newest series' grep -q '^7.3-kunit-riscv64: 1 passed' "$scratch/output"
run_it "$script/test.sh" all BASE=7.3
holds 'make test-all shows what the stock kernel dies of' grep -q '^7.3-stock-riscv64-pair: 1 passed' "$scratch/output"
holds 'make test-all looks at the stock kernel, too' grep -q '^7.3-stock-x86_64-show: 1 passed' "$scratch/output"

run_it "$script/test.sh" all
parts_of() { sed -n "s/^${1//./\\.}-\(.*\): [0-9]* passed.*/\1/p" "$scratch/output"; }
for name in $series; do
	holds "make test-all has the same parts on $name as on $BASE" [ "$(parts_of "$name")" = "$(parts_of "$BASE")" ]
done
holds 'make test-all has more than make test' [ "$(parts_of "$BASE" | grep -cxE 'laid|links|compare|kunit-arm64-16k|stock-x86_64-short')" = 5 ]
run_it "$script/test.sh" MINUTES=2 BASE=7.3
holds 'what is soon done is done' grep -q '^unit: 1 passed' "$scratch/output"
holds 'no kernel is built that would not be done in time' \
	grep -q '^7.3-kunit-x86_64: 0 passed, 0 failed, 1 skipped: ' "$scratch/output"
holds 'what was not begun is named' grep -q '^not begun, for MINUTES=2: .*7.3-kunit-x86_64' "$scratch/output"
holds 'what was not begun is no failure' [ $status = 0 ]
run_it "$script/test.sh" MINUTES=0
holds 'nothing done is a failure' [ $status != 0 ]

echo "1..$number"
echo "# Totals: pass:$((number - failed)) fail:$failed skip:0 error:0"
[ $failed = 0 ]
