"""What real leakers do, as leaks: cropped, filmed, mirrored, covered, sped up, spliced.

`catalogue` has a constructor for every attack, each of which ends in an H.264 encode. Geometry, colour and timing that
ffmpeg's filters can do are `moves`, any number of which go into one encode. What has to be drawn picture by picture
(a desktop, a filmed screen, subtitles) is a `drawing`, a step from file to lossless file. `truth` composes the
homography of a chain, by which a decoder's recovered geometry is judged. Everything random hangs on a seed.
"""
