#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# /init of a guest: does what the host asks for, one line at a time.
#
#	host	<verb> <words ...>
#	guest	<key> <words ...>		what it saw, any number
#	guest	ok <n> <verb ...>
#	   or	not ok <n> <verb ...> # <why>
#
# The guest measures and the host judges: nothing here knows what is right.
# They speak by the first port of a virtio-serial device, which is descriptor 3.

PATH=/bin
LD_LIBRARY_PATH=/lib
export PATH LD_LIBRARY_PATH
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t debugfs debug /sys/kernel/debug

memory=/sys/devices/system/memory

say() {
	echo "$*" >&3
}

# Each line of stdin under a key.
say_lines() {
	sed "s/^ */$1 /" >&3
}

# Call until it succeeds, for at most 10 s.
retry() {
	for _ in $(seq 100); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

# ---- what the host may ask for: verb_<verb>; output is the reason to fail ----

# The vmemmap part of the kernel's page tables, of x86 or arm64.
say_dump() {
	for dump in page_tables/kernel kernel_page_tables; do
		[ -f /sys/kernel/debug/$dump ] || continue
		awk '/^---\[/ { on = tolower($0) ~ /vmemmap( start)? \]/; next } on' \
			/sys/kernel/debug/$dump | say_lines dump
	done
}

say_blocks() {
	say block_size "$(cat $memory/block_size_bytes)"
	for block in "$memory"/memory[0-9]*; do
		node=$(echo "$block"/node*)
		say block "${block##*/memory}" "${node##*/node}" "$(cat "$block/state")"
	done
}

# Not by cat, which asks for 128 KiB in a row
refresh_counters() {
	read -r _ < /proc/sys/vm/stat_refresh
}

# Pages that are neither free nor known to have another use. Per-CPU counters
# are folded first. A sample sees its own reader and what runs beside it, so
# take several; the host knows what to make of them. Known uses are reported in KiB, but
# for three: the direct map has a table for each 2 MiB that it maps by pages, which
# stock keeps, and counts, when such memory was debug_pagealloc's; traces that debug
# kernels remember fill pools of 16 KiB; and what left vmalloc space keeps KASAN's
# shadow of it, an eighth, until many such areas are purged together.
say_samples() {
	shadow=0
	! grep -Eq ' (__)?kasan_release_vmalloc$' /proc/kallsyms || shadow=8192
	for _ in 1 2 3 4 5 6 7; do
		echo 7 > /proc/sys/vm/drop_caches
		refresh_counters
		cat /proc/zoneinfo /proc/meminfo /proc/vmallocinfo \
			/sys/kernel/debug/stackdepot/stats > /tmp/sample 2> /dev/null
		awk -v shadow=$shadow '
		     /^ +pages free/		{ free += $3 }
		     /^ +managed/		{ managed += $2 }
		     /^ +count:/		{ percpu += $2 }
		     /^(Buffers|Cached|AnonPages|Slab|KernelStack|PageTables|SecPageTables|VmallocUsed|Percpu):/ {
						  known += $2 }
		     /^DirectMap4k:/		{ known += $2 / 512 }
		     /^pools:/			{ known += $2 * 16 }
		     / unpurged vm_area/ && shadow { known += $2 / shadow }
		     END { print managed, free, percpu, int(known) }' \
			/tmp/sample | say_lines sample
	done
}

# RCU gives back the tables of processes that have ended; start none, and let it: to
# wait for what nobody writes takes no process, as sleep would.
say_tables() {
	[ -p /tmp/silence ] || mkfifo /tmp/silence
	# shellcheck disable=SC3045 # busybox has it
	read -r -t 1 name <> /tmp/silence
	refresh_counters
	while read -r name value; do
		[ "$name" != nr_page_table_pages ] || say tables "$value"
	done < /proc/vmstat
}

verb_state() {
	say_samples
	say_tables
	sed 's/ .*//' /proc/vmallocinfo | say_lines vmalloc
	say_dump
	say_blocks
	grep memmap /proc/vmstat | say_lines count
	grep -E '^(pgscan_direct|compact_stall|allocstall_[a-z0-9]+) ' /proc/vmstat | say_lines stall
	grep -E '^[0-9a-f].* : (Persistent Memory|namespace|dax)' /proc/iomem | say_lines iomem
	if [ -x /bin/ndctl ] && [ -d /sys/bus/nd ]; then
		ndctl list -Nv | say_lines ndctl
	fi
}

# <pfn>+<count> ...: the first and last of those in a row that are reserved, as all are
# that the boot-time allocator gave out. KPF_RESERVED is bit 32 of a page's 64.
verb_reserved() {
	for run; do
		dd if=/proc/kpageflags bs=8 skip="${run%+*}" count="${run#*+}" \
			2> /dev/null | od -An -v -t x4 -w8 |
			awk -v pfn="${run%+*}" '
			     $2 ~ /[13579bdf]$/	{ if (!n++) first = pfn + NR - 1; next }
			     n			{ print first, first + n - 1; n = 0 }
			     END		{ if (n) print first, first + n - 1 }' |
			say_lines reserved
	done
}

block_count_is() {
	set -- "$1" "$memory"/memory[0-9]*
	[ $(($# - 1)) -eq "$1" ]
}

verb_blocks() {
	retry block_count_is "$1" && return
	echo "not $1 memory blocks after 10 s"
	return 1
}

# <state> <first block> <last block>
verb_set() {
	for n in $(seq "$2" "$3"); do
		retry sh -c "echo $1 > $memory/memory$n/state" || return
	done
}

# <directory in sysfs> <KiB> <count>: have so many huge pages of this size there
verb_hugepages() {
	file=/sys/$1/hugepages/hugepages-$2kB/nr_hugepages
	echo "$3" > "$file" || return
	[ "$(cat "$file")" -eq "$3" ] && return
	echo "$(cat "$file") huge pages, not $3"
	return 1
}

# <0|1>: optimise the vmemmap of new huge pages, or not
verb_optimize() {
	echo "$1" > /proc/sys/vm/hugetlb_optimize_vmemmap
}

# All but what a per-CPU counter may hide.
memory_is_kept() {
	[ "$(awk '/^AnonPages:/ { print $2 }' /proc/meminfo)" -ge $(($1 * 1000)) ]
}

# <MiB>: write to so much memory and keep it; what is left of the movable zone?
verb_fill() {
	# shellcheck disable=SC2216 # who does not read keeps dd waiting, with its memory
	dd if=/dev/zero bs="$1M" count=1 2> /dev/null | sleep 1000 > /dev/null 2>&1 &
	echo $! > /tmp/keeper
	until memory_is_kept "$1"; do
		sleep 0.1
	done
	awk '$1 == "Node" { zone = $4 }
	     zone == "Movable" && $1 == "pages" && $2 == "free" { free += $3 }
	     zone == "Movable" && $1 == "managed" { managed += $2 }
	     END { print free, managed }' /proc/zoneinfo | say_lines movable
}

# Give it back.
verb_drain() {
	kill "$(cat /tmp/keeper)" || return
	while memory_is_kept 64; do
		sleep 0.1
	done
}

# Free memory stays in pieces: nobody makes large blocks by himself, or keeps free pages for
# one CPU alone.
keep_pieces() {
	echo 0 > /proc/sys/vm/watermark_boost_factor
	echo 0 > /proc/sys/vm/compaction_proactiveness
	echo 10000 > /proc/sys/vm/percpu_pagelist_high_fraction
}

# <part>: of a zone, so much at most, a part of 8 or more, is free on the lists of its CPUs
verb_lists() {
	echo "$1" > /proc/sys/vm/percpu_pagelist_high_fraction
}

# What the watermarks of all zones keep, in pages, and a MiB, without which no program starts
nr_reserved() {
	awk '$1 == "high" { nr += $2 } END { print nr + 256 }' /proc/zoneinfo
}

# <node> <pages>|reserves [<device> <MiB>]: see hold.c; node n has CPU n. Nothing is
# reclaimed meanwhile.
verb_hold() {
	[ "$2" != reserves ] || set -- "$1" "$(nr_reserved)"
	# Readahead may read a device in large folios, and compact memory for them; 7.2 does.
	[ $# = 2 ] || echo 0 > "/sys/block/${3#/dev/}/queue/read_ahead_kb" || return
	for name in min_free_kbytes watermark_boost_factor; do
		cat /proc/sys/vm/$name > /tmp/$name
	done
	echo 512 > /proc/sys/vm/min_free_kbytes
	keep_pieces
	: > /tmp/held
	taskset $((1 << $1)) hold "$@" > /tmp/held 2>&1 3>&- &
	echo $! >> /tmp/holders
	until [ -s /tmp/held ]; do
		kill -0 $! || return
		sleep 0.1
	done
	for name in min_free_kbytes watermark_boost_factor; do
		cat /tmp/$name > /proc/sys/vm/$name || return
	done
	cat /tmp/held
	grep -qx held /tmp/held
}

# Give all of it back.
verb_let_go() {
	xargs kill < /tmp/holders || return
	rm /tmp/holders
	while memory_is_kept 64; do
		sleep 0.1
	done
}

# look <MiB>, until look_away: compact memory, read what is known of each page frame, use
# so much memory.
# Those who do may be late: the memory that they look at may have been removed.
verb_look() {
	touch /tmp/looking
	for what in 'echo 1 > /proc/sys/vm/compact_memory' \
		    'cat /proc/kpageflags /proc/kpagecount' \
		    "dd if=/dev/zero of=/dev/null bs=$1M count=1"; do
		{
			while [ -e /tmp/looking ]; do
				eval "$what"
			done
			touch "/tmp/looked-${what%% *}"
		} > /dev/null 2>&1 3>&- &
	done
}

verb_look_away() {
	rm /tmp/looking
	until [ -e /tmp/looked-echo ] && [ -e /tmp/looked-cat ] && [ -e /tmp/looked-dd ]; do
		sleep 0.1
	done
	rm /tmp/looked-*
}

# The kselftest of this back end
verb_selftest() {
	status=0
	sh /selftest/vmemmap.sh > /tmp/selftest 2>&1 || status=$?
	say_lines selftest < /tmp/selftest
	return $status
}

verb_ndctl() {
	ndctl "$@"
}

verb_daxctl() {
	daxctl "$@"
}

# <times> [device]: take it, or the one that there is, from its driver and give it back
verb_rebind() {
	cd /sys/bus/dax/drivers/device_dax || return
	set -- "$1" "${2-$(echo dax[0-9]*)}"
	for _ in $(seq "$1"); do
		echo "$2" > unbind && echo "$2" > bind || return
	done
}

# A Debian on a disk, with all that is here below /home
verb_debian() {
	mkdir -p /debian
	mount -t tracefs tracefs /sys/kernel/tracing || return
	echo 1408 > /sys/kernel/tracing/buffer_size_kb || return	# now, and not when it is first used
	mount -t squashfs -o ro /dev/vda /debian || return
	mount --bind / /debian/home || return
	for dir in proc sys dev tmp; do
		mount --rbind /$dir /debian/$dir || return
	done
}

# <command line>: in Debian; what it prints
in_debian() {
	env -u LD_LIBRARY_PATH PATH=/usr/bin:/usr/sbin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 \
		chroot /debian /bin/sh -c "$1" 2>&1
}

# <command> <word> ...: how many seconds it takes
timed() {
	read -r start _ < /proc/uptime
	"$@" || return
	read -r end _ < /proc/uptime
	say took "$(echo "$end $start" | awk '{ print $1 - $2 }')"
}

verb_show() {
	timed in_debian '/home/show/show --json --vmlinux /home/show/vmlinux' > /tmp/shown ||
		{ cat /tmp/shown; return 1; }
	say_lines show < /tmp/shown
}

# What the kernel itself says
summary=/sys/kernel/debug/vmemmap/summary
verb_summary() {
	timed cat $summary > /tmp/summary || return
	say_lines summary < /tmp/summary
}

# The first byte takes all of it. Whoever cannot read it has never read it.
read_summary() {
	reads=0
	while [ -e /tmp/reading ]; do
		read -r _ < $summary || reads=-1000000
		reads=$((reads + 1))
		echo $reads > /tmp/reads
	done
}

# Read it again and again. For a function alone, sh would keep the stdout that its caller
# waits for the end of.
verb_read_on() {
	touch /tmp/reading
	{ read_summary; } > /dev/null 2>&1 &
	reader=$!
}

# How often it has been read
verb_reads() {
	rm /tmp/reading
	wait "$reader"
	say_lines reads < /tmp/reads
}

# Nobody lives to answer.
verb_crash() {
	echo 0 > /proc/sys/kernel/panic
	echo c > /proc/sysrq-trigger
}

# Triggers and probes take memory until they are gone.
trace_nothing() {
	cd /sys/kernel/tracing || return
	for file in events/sparse_vmemmap/*/trigger events/kprobes/*/trigger; do
		[ ! -e "$file" ] || : > "$file"
	done
	: > kprobe_events
}

# <command line>: the same while the one device is bound again and again
verb_meanwhile() {
	touch /tmp/go-on
	while [ -e /tmp/go-on ]; do
		verb_rebind 1
	done &
	status=0
	in_debian "$*" > /tmp/printed || status=$?
	rm /tmp/go-on
	wait $!
	trace_nothing || return
	say_lines printed < /tmp/printed
	[ $status = 0 ] || tail -n 1 /tmp/printed
	return $status
}

# The same without ndctl, which Debian has for few architectures.
nd=/sys/bus/nd/devices

# <device> <driver>
verb_bind() {
	echo "$1" > /sys/bus/nd/drivers/"$2"/bind
}

verb_unbind() {
	echo "$1" > $nd/"$1"/driver/unbind
}

# <region> <pfn|dax> <ram|pmem> [alignment]: have its namespace hold such a device, and its
# memory map lie there
verb_claim() {
	device=$2$1.0
	echo "00000000-0000-0000-0000-00000000000$1" > "$nd/$device/uuid" &&
		echo "$3" > "$nd/$device/mode" &&
		echo "${4-2097152}" > "$nd/$device/align" &&
		echo "namespace$1.0" > "$nd/$device/namespace"
}

# <device of device-dax> <rounds> [MiB]
verb_write() {
	use_dax "/dev/$1" write "$2" "${3-32}"
}

# Have memory behind all of the disk in RAM, which takes it when it is written to.
verb_fill_disk() {
	[ -b /dev/ram0 ] || return
	dd if=/dev/zero of=/dev/ram0 bs=1M count=8 2> /dev/null
}

# <device of device-dax> <first page frame> <page frames>: what the kernel answers to those
# who use it
verb_ask() {
	use_dax "/dev/$1" ask /dev/ram0 "$2" "$3" > /tmp/answers || return
	say_lines answer < /tmp/answers
}

# <device> <driver> <times> <device of device-dax>: bind it anew while the other is written
verb_rebind_beside() {
	use_dax "/dev/$4" write > /tmp/writer 2>&1 &
	writer=$!
	for _ in $(seq "$3"); do
		verb_unbind "$1" && sleep 0.1 && verb_bind "$1" "$2" || return
	done
	kill $writer || { cat /tmp/writer; return 1; }
	wait $writer
	return 0
}

# <parameter>=<value> ...: have lib/test_vmemmap.c do something
verb_stress() {
	for word in "$@" run=1; do
		echo "${word#*=}" > "/sys/module/test_vmemmap/parameters/${word%%=*}" || return
	done
}

# The same, and all that it says, whatever it is. The list of the CPU stays as long as it is
# at boot, about
verb_bench() {
	case " $*" in *" leave="[1-9]*) keep_pieces ;; *) verb_lists 300 ;; esac
	dmesg -c > /dev/null
	verb_stress "$@" || say bench "# error=1, see above"
	dmesg | sed 's/^\[[^]]*\] //' | say_lines bench
}

# <number>: start so many processes that do nothing, and see that none runs any more
verb_processes() {
	for _ in $(seq "$1"); do
		sleep 1000000 > /dev/null 2>&1 3>&- &
	done
	until grep -q ' 1/' /proc/loadavg; do
		sleep 0.1
	done
}

# Does kmemleak know of anything that nobody points to? It reports nothing that is
# younger than 5 s, and each leak only once.
verb_leaks() {
	leaks=/sys/kernel/debug/kmemleak
	sleep 6
	for _ in 1 2; do
		echo scan > $leaks || return
	done
	[ -z "$(cat $leaks)" ] && return
	say_lines leak < $leaks
	grep -c '^unreferenced' $leaks | sed 's/$/ leaks, see the log/'
	return 1
}

# Allocations below this function of the kernel's fail, when fail-nth says which.
fail_below() {
	awk -v name="$1" '$3 == name { start = $1; next }
			  start && $1 != start { print "0x" start, "0x" $1; exit }' \
		/proc/kallsyms > /tmp/range
	read -r start end < /tmp/range || return
	for attr in failslab fail_page_alloc; do
		cd /sys/kernel/debug/$attr || return
		echo "$start" > require-start || return
		echo "$end" > require-end || return
		echo 0 > verbose
		echo 0 > ignore-gfp-wait
	done
	echo 0 > min-order
}

# A device may be there whose driver could not take it.
has_device() {
	set -- /sys/bus/dax/drivers/*/dax[0-9]*
	[ -e "$1" ]
}

# How a try ended, memory blocks, the counters.
say_try() {
	refresh_counters
	result=$1
	set -- $memory/memory[0-9]*
	say try "$result" $# "$(awk '/^nr_memmap/ { print $2 }' /proc/vmstat | xargs)"
}

verb_try() {
	say_try "$1"
}

# Have the one device used as memory.
verb_to_kmem() {
	cd /sys/bus/dax/drivers || return
	set -- device_dax/dax[0-9]*
	echo "${1#*/}" > device_dax/unbind && echo "${1#*/}" > kmem/new_id && has_device
}

# <driver>: take its device away, and bind it again and again, until no allocation
# is left that could be made to fail. What has failed succeeds when nothing fails.
verb_fail_each() {
	fail_below sparse_add_section || return
	cd "/sys/bus/$1" || return
	set -- dax[0-9]*
	echo "$1" > unbind || return
	say_try -
	n=0 left=0
	while [ "$left" = 0 ]; do
		n=$((n + 1)) status=0
		echo $n > /proc/self/fail-nth || return
		echo "$1" > bind
		read -r left < /proc/self/fail-nth
		echo 0 > /proc/self/fail-nth
		has_device || status=1
		echo "$1" > unbind
		say_try $status
		[ $status = 0 ] || { echo "$1" > bind && has_device && echo "$1" > unbind; } || return
	done
}

# <n>: it is one of the kernel's workers whose n-th allocation fails
verb_fail_worker() {
	fail_below sparse_add_section || return
	grep -l '^kworker' /proc/[0-9]*/comm 2> /dev/null | sed 's/comm$/fail-nth/' > /tmp/workers
	while read -r nth; do
		echo "$1" > "$nth"
	done < /tmp/workers
	return 0
}

# How many were left until it would have failed, in the worker that did most?
verb_worker_failed() {
	while read -r nth; do
		cat "$nth" && echo 0 > "$nth"
	done < /tmp/workers 2> /dev/null | sort -n | sed 1q | say_lines left
}

# ---- the loop ----

# The port appears when the kernel is up already. The first number is
# that of the device among all of virtio.
port_is_there() {
	set -- /dev/vport*p1
	port=$1
	[ -c "$port" ]
}

retry port_is_there
exec 3<> "$port"
number=0
say ready
while read -r verb words <&3; do
	number=$((number + 1))
	# shellcheck disable=SC2086 # words are words
	if why=$("verb_$verb" $words 2>&1); then
		say "ok $number $verb $words"
	else
		say "not ok $number $verb $words # $(echo "$why" | tail -n 1)"
	fi
done
