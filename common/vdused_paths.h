/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where vdused keeps what has to outlive its process; vdpactl looks there, and cleans up. */
#ifndef COMMON_VDUSED_PATHS_H
#define COMMON_VDUSED_PATHS_H

/* A directory for each device; VDUSED_RUNTIME_DIR in the environment names another one. */
#define VDUSED_RUNTIME_DIR "/run/vdused"
/* What a mem: disk holds: this and the device's name. */
#define VDUSED_MEMORY_PREFIX "/dev/shm/vdused."

#endif
