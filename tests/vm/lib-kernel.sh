# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by get-kernel and get-debug-kernel: the module parts of a kernel
# directory, made from DIR/lib/modules/RELEASE.

# modules_img DIR RELEASE: everything for /lib/modules, on a disk of its own so
# that the root image serves all kernels
modules_img()
{
	local dir=$1 rel=$2 kib
	depmod -b "$dir" "$rel"
	mkdir -p "$dir/lib/modules/$rel/extra"
	kib=$(du -sk "$dir/lib/modules" | cut -f1)
	rm -f "$dir/modules.img"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$dir/lib/modules" \
		"$dir/modules.img" $((kib * 5 / 4 + 65536))k > /dev/null
}

# early_modules DIR RELEASE: in the order of loading; what is built in is left out
early_modules()
{
	local dir=$1 rel=$2 n=10 mod line ko name
	mkdir -p "$dir/early"
	for mod in virtio_pci virtio_blk virtio_console ext4; do
		while read -r line ko; do
			[ "$line" = insmod ] || continue
			name=${ko##*/}
			name=${name%%.ko*}
			! compgen -G "$dir/early/*-$name.ko" > /dev/null || continue
			case $ko in
			*.xz) xz -dc "$ko" ;;
			*.zst) zstd -dcq "$ko" ;;
			*) cat "$ko" ;;
			esac > "$dir/early/$((n++))-$name.ko"
		done < <(modprobe -d "$dir" -S "$rel" --show-depends "$mod" 2>/dev/null)
	done
}
