#!/bin/bash
# The first process of the guest: a tmpfs above the host's files, the usual file systems, the
# command, its status, the end. The kernel puts parameters that it does not know into our
# environment: vm_job is the directory of this run, vm_kernel that of the unpacked kernel package.
fail() {
    echo "init: $*" >/dev/kmsg
    echo o >/proc/sysrq-trigger
    sleep 60
}

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc && mount -t devtmpfs dev /dev || exit
release=$(uname -r) modules=$vm_kernel/lib/modules/$(uname -r)
insmod "$modules"/kernel/fs/overlayfs/overlay.ko* || fail "no overlay"

mount -t tmpfs -o size=90% tmpfs /mnt || fail tmpfs
mkdir -p /mnt/upper /mnt/work /mnt/new
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/new ||
    fail "no root"
cd /mnt/new && mkdir -p old proc sys dev run tmp root && pivot_root . old && cd / || fail pivot_root
mount --move /old/proc /proc
mount --move /old/dev /dev
umount -l /old && rmdir /old
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sfn /proc/self/fd /dev/fd
ln -sfn fd/0 /dev/stdin
ln -sfn fd/1 /dev/stdout
ln -sfn fd/2 /dev/stderr
mkdir -p "/lib/modules/$release" /run/netns
mount --bind "$modules" "/lib/modules/$release"
type -P modprobe >/proc/sys/kernel/modprobe
mkdir -p /run/results
mount -t virtiofs results /run/results || fail "no results"
ip link set lo up

port() {
    local each
    for each in /sys/class/virtio-ports/*; do
        [[ $(<"$each/name") == "$1" ]] && echo "/dev/${each##*/}" && return
    done
    fail "no port $1"
}
output=$(port output) status=$(port status)
setsid /bin/bash "$vm_job/command" </dev/null >"$output" 2>&1
code=$?
sync
echo "$code" >"$status"
echo o >/proc/sysrq-trigger
sleep 60
