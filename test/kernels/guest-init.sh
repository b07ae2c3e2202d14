#!/bin/busybox sh
# First process of the guest: puts the machine's files under a throw-away overlay, runs the command that lies in the shared folder
# there, leaves its exit status beside it and switches off. /settings says: SHARED (a folder of the guest), MODULES (of the machine),
# COPIED (files of the machine, one a line) and SYSTEMD (not empty: the machine's systemd is the first process, the command its service).
PATH=/bin
/bin/busybox --install -s /bin
. /settings
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in /modules/*; do insmod "$module" 2>/dev/null; done

fail() {
  echo "guest: $*"
  poweroff -f
}
virtio=trans=virtio,version=9p2000.L,msize=512000
mount -t tmpfs -o size=75% none /above
mkdir /above/files /above/work
if [ -n "$COPIED" ]; then
  # Without a cache 9p reads in large pieces.
  mount -t 9p -o "$virtio,cache=none,ro" machine /below
  echo "$COPIED" | while read -r file; do
    mkdir -p "/above/files/${file%/*}"
    cp -p "/below/$file" "/above/files/$file"
  done
  umount /below
fi
mount -t 9p -o "$virtio,cache=loose,ro" machine /below || fail 'the files of the machine cannot be mounted'
mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work none /root || fail 'no overlay'
for folder in proc sys dev; do mount --move "/$folder" "/root/$folder"; done
cd /root || fail 'no root'
mount -t tmpfs none run
mkdir -p "./$SHARED" run/netns run/lock dev/shm dev/pts lib/modules
mount -t 9p -o "$virtio" shared "./$SHARED" || fail 'the shared folder cannot be mounted'
mount --bind "./$MODULES" lib/modules || fail 'no modules'
mount -t tmpfs none dev/shm
mount -t devpts none dev/pts
mount -t debugfs none sys/kernel/debug
mount -t tracefs none sys/kernel/tracing
mount -t cgroup2 none sys/fs/cgroup
echo started >"./$SHARED/started"

words='HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8'
if [ -n "$SYSTEMD" ]; then
  # Timers want a booted system: it boots without whatever the machine's own would start (udev, clearing /tmp ...).
  for folder in usr/lib/systemd/system/*.wants etc/systemd/system/*.wants; do mount -t tmpfs none "$folder"; done
  mkdir -p run/systemd/system
  cat >run/systemd/system/ctwhy-guest.service <<END
[Unit]
After=basic.target
[Service]
Type=oneshot
Environment=$words
ExecStart=/bin/sh -c '/bin/sh /$SHARED/command >/$SHARED/output 2>&1 </dev/null; echo \$\$? >/$SHARED/status'
ExecStart=/bin/sh -c 'dmesg >/$SHARED/kernel-log 2>&1; sync; exec /bin/busybox poweroff -f'
END
  exec chroot . /usr/bin/env -i $words /lib/systemd/systemd --unit=ctwhy-guest.service --log-target=kmsg --show-status=no
fi
chroot . /usr/bin/env -i $words \
  /bin/sh -c 'ip link set lo up; exec /bin/sh "$1/command" >"$1/output" 2>&1 </dev/null' sh "/$SHARED"
echo $? >"./$SHARED/status"
chroot . /bin/dmesg >"./$SHARED/kernel-log" 2>&1
sync
poweroff -f
