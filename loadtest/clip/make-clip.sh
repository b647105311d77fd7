#!/bin/sh
# Makes the clip that a simulated hall publishes: three VP8 layers and Vietnamese speech in Opus.
#
# Needs ffmpeg (libvpx, libopus), espeak-ng, sox and DejaVu fonts. Run it in any directory:
# it writes beside itself. The made files are in the repository, so that nobody has to run it.
#
#   hall-l.ivf  320x180  15 fps  100 kbit/s     speech-20.ogg  20 ms frames
#   hall-m.ivf  640x360  15 fps  300 kbit/s     speech-60.ogg  60 ms frames
#   hall-h.ivf 1280x720  30 fps  900 kbit/s
#
# All play 8 s, begin with a keyframe, have one every 2 s at the same instants and may be looped.
# The number in the picture counts frames at 30 a second, so a layer at 15 shows the even ones.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds=8
font=$(fc-match -f '%{file}' 'DejaVu Sans Mono:bold')
quiet="-hide_banner -loglevel error -y"

# One source for all layers, so that they show the same picture at the same instant.
ffmpeg $quiet -f lavfi -i "testsrc2=size=1280x720:rate=30:duration=$seconds" -vf "\
drawbox=x=390:y=270:w=500:h=180:color=black@0.75:t=fill,\
drawtext=fontfile=$font:text='%{eif\\:n\\:d\\:3}':fontsize=150:fontcolor=white:x=(w-tw)/2:y=(h-th)/2" \
  -pix_fmt yuv420p -c:v ffv1 "$work/source.mkv"

layer() { # name width height fps kbit/s
  ffmpeg $quiet -i "$work/source.mkv" -vf "fps=$4,scale=$2:$3" -c:v libvpx \
    -deadline good -cpu-used 2 -lag-in-frames 0 -auto-alt-ref 0 -error-resilient default \
    -b:v "$5k" -minrate "$5k" -maxrate "$5k" -bufsize "$(($5 / 2))k" -undershoot-pct 95 \
    -g "$(($4 * 2))" -keyint_min "$(($4 * 2))" -threads 1 \
    -fflags +bitexact -flags:v +bitexact "hall-$1.ivf"
}
layer l 320 180 15 100
layer m 640 360 15 300
layer h 1280 720 30 900

espeak-ng -v vi -s 160 -w "$work/speech.wav" \
  "Kính chào các điểm cầu. Đây là hội trường trung tâm. Xin mời các tỉnh, các xã và các phường kiểm tra hình ảnh và âm thanh."
# Mono at 48 kHz, one level, exactly as long as the picture.
sox -V1 "$work/speech.wav" -r 48000 -c 1 "$work/speech48.wav" gain -n -6 pad 0 "$seconds" trim 0 "$seconds"

for ms in 20 60; do
  ffmpeg $quiet -i "$work/speech48.wav" -c:a libopus -b:a 32k -vbr on -application voip \
    -frame_duration "$ms" -fflags +bitexact -flags:a +bitexact -map_metadata -1 "speech-$ms.ogg"
done
