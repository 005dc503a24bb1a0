"""Pictures of bicycles and their parts."""

from services.products.pictures.svg_canvas import Palette, Pen, around

PALETTE = Palette(tile="#FBEFE8", shade="#EBCFC0", ink="#26282E", main="#C8401F", second="#E8A33D")


def fixed_gear(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    for x in (90, 232):
        pen.wheel(x, 206, 52, spokes=10, hub=p.ink)
    bottom, seat, head, crown = (148, 212), (126, 138), (206, 134), (211, 150)
    pen.line((90, 206), seat, bottom, (90, 206), colour=p.main)
    pen.line(seat, head, crown, bottom, colour=p.main)
    pen.line(crown, (232, 206), colour=p.main)
    pen.line(seat, (119, 114))
    pen.line((100, 110), (138, 110))
    pen.curve("M206 134L203 116H224C246 116 246 144 224 142")
    pen.line((148, 212), (166, 228), (174, 228))
    pen.gear(*bottom, 16, 14, fill=p.second)
    pen.disc(*bottom, 5, fill=p.ink)


def cargo_bike(pen: Pen) -> None:
    p = pen.palette
    pen.ground(30, 290)
    pen.wheel(70, 212, 46, spokes=10)
    pen.wheel(262, 226, 32, spokes=8)
    pen.crate(158, 136, 90, 66, slats=3, fill=p.second)
    bottom, seat, head = (120, 218), (102, 148), (148, 146)
    pen.line((70, 212), seat, bottom, (70, 212), colour=p.main)
    pen.line(seat, head, bottom, colour=p.main)
    pen.curve("M146 132L156 214H236L262 226", colour=p.main)
    pen.line(seat, (96, 124))
    pen.line((78, 120), (114, 120))
    pen.curve("M147 138L143 110L124 108")
    pen.disc(*bottom, 13, fill=p.ink)
    pen.line(bottom, (134, 234), (142, 234))


def folding_bike(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    for x in (92, 232):
        pen.wheel(x, 222, 36, spokes=8)
    pen.line((92, 222), (150, 222), (132, 176), (92, 222), colour=p.main)
    pen.curve("M132 176C160 186 186 186 214 170", colour=p.main)
    pen.line((214, 160), (232, 222), colour=p.main)
    pen.line((150, 222), (118, 108))
    pen.line((96, 104), (138, 104))
    pen.line((214, 164), (204, 88), (184, 84))
    pen.grip((188, 84), (176, 83))
    pen.box(166, 176, 14, 18, fill=p.second)
    pen.disc(150, 222, 14, fill=p.ink)
    pen.line((150, 222), (162, 238), (172, 238))


def penny_farthing(pen: Pen) -> None:
    p = pen.palette
    pen.ground(56, 264)
    pen.wheel(180, 170, 88, spokes=16)
    pen.wheel(82, 235, 23, spokes=6)
    pen.curve("M82 235C84 150 118 76 176 72", colour=p.main)
    pen.line((180, 170), (178, 66), colour=p.main)
    pen.curve("M130 84C142 74 154 72 166 74", colour=p.second)
    pen.curve("M178 64C196 56 206 64 206 76")
    pen.line((180, 170), (196, 190), (208, 190))
    pen.disc(180, 170, 12, fill=p.second)


def spoked_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ring(160, 160, 108)
    pen.ring(160, 160, 97, colour=p.main)
    pen.spokes(160, 160, 92, 16, colour=p.ink)
    pen.disc(160, 160, 20, fill=p.main)
    pen.disc(160, 160, 7, fill=p.light)
    pen.line((160, 253), (160, 238), colour=p.second)


def crankset(pen: Pen) -> None:
    p = pen.palette
    pen.gear(160, 160, 82, 32, fill=p.ink)
    pen.disc(160, 160, 62, fill=p.tile)
    for x, y in around(160, 160, 62, 5, start=0.75):
        pen.line((160, 160), (x, y))
    pen.line((160, 160), (88, 256), colour=p.main)
    pen.line((160, 160), (232, 64), colour=p.main)
    pen.box(62, 252, 46, 14, fill=p.second)
    pen.box(212, 54, 46, 14, fill=p.second)
    pen.disc(160, 160, 20, fill=p.main)
    pen.disc(160, 160, 7, fill=p.light)


def saddle(pen: Pen) -> None:
    p = pen.palette
    pen.curve("M94 160C100 206 124 214 160 214L246 146")
    pen.box(144, 200, 34, 16, fill=p.second)
    pen.line((161, 220), (154, 268))
    pen.solid(
        "M58 122C58 92 92 86 122 96C164 108 204 106 256 106C280 106 280 136 256 140"
        "C216 146 192 150 166 168C128 190 58 176 58 122",
        p.main,
    )
    for x, y in ((84, 126), (108, 116)):
        pen.disc(x, y, 6, fill=p.second)


def bell(pen: Pen) -> None:
    p = pen.palette
    pen.line((64, 236), (256, 236))
    pen.box(136, 204, 48, 28, fill=p.ink)
    pen.solid("M84 196C84 66 236 66 236 196", p.main)
    pen.curve("M112 170C116 130 132 116 150 112", colour=p.light)
    pen.line((74, 199), (246, 199), colour=p.second)
    pen.disc(160, 96, 11, fill=p.second)
    pen.curve("M238 216C262 212 268 198 266 180")
    pen.disc(266, 176, 10, fill=p.second)


DRAWINGS = {
    "BIKE-FIXIE-01": fixed_gear,
    "BIKE-CARGO-01": cargo_bike,
    "BIKE-FOLD-01": folding_bike,
    "BIKE-PENNY-01": penny_farthing,
    "PART-WHEEL-32": spoked_wheel,
    "PART-CRANK-46": crankset,
    "PART-SADDLE-01": saddle,
    "PART-BELL-01": bell,
}
