"""Pictures of curiosities."""

from services.products.pictures.pen import Palette, Pen, around

PALETTE = Palette(tile="#F1EDF8", shade="#D5CAE8", ink="#2A2140", main="#6247A8", second="#D79A2B")


def zoetrope(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 214), (160, 250))
    pen.solid("M112 262C116 248 204 248 208 262", p.second)
    pen.solid("M64 104V196C64 226 256 226 256 196V104", p.main)
    pen.oval(160, 104, 99, 28, fill=p.ink)
    pen.oval(160, 112, 84, 18, fill=p.second)
    for x, top in (
        (84, 146),
        (110, 156),
        (135, 161),
        (160, 163),
        (185, 161),
        (210, 156),
        (236, 146),
    ):
        pen.line((x, top), (x, top + 32), colour=p.tile)


def potters_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.line((160, 176), (160, 232))
    pen.line((96, 186), (84, 254))
    pen.line((224, 186), (236, 254))
    pen.box(76, 176, 168, 10, fill=p.ink)
    pen.oval(160, 234, 66, 15, fill=p.main)
    pen.oval(160, 164, 62, 12, fill=p.main)
    pen.solid(
        "M134 158C98 126 128 104 140 92C136 82 134 76 132 70H188C186 76 184 82 180 92C192 104 222 126 186 158",
        p.second,
    )
    pen.line((119, 122), (201, 122), colour=p.tile)


def orrery(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 150), (160, 244))
    pen.solid("M112 262C112 246 208 246 208 262", p.main)
    pen.hoop(160, 150, 118, 44, colour=p.ink)
    pen.hoop(160, 150, 72, 26, colour=p.ink)
    pen.disc(160, 140, 34, fill=p.second)
    pen.disc(96, 164, 14, fill=p.main)
    pen.disc(262, 132, 19, fill=p.main)
    pen.disc(228, 152, 9, fill=p.ink)
    pen.disc(66, 124, 12, fill=p.second)


def film_reel(pen: Pen) -> None:
    p = pen.palette
    pen.curve("M150 248C200 262 236 246 284 262", colour=p.second)
    pen.disc(150, 150, 101, fill=p.main)
    for x, y in around(150, 150, 62, 5, start=0.75):
        pen.disc(x, y, 26, fill=p.tile)
    pen.disc(150, 150, 19, fill=p.second)
    pen.disc(150, 150, 7, fill=p.ink)
    for x, y in around(150, 150, 92, 20):
        pen.disc(x, y, 3, fill=p.tile)


def wind_spinner(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 134), (160, 282))
    centre = (160, 130)
    for (x, y), (edge_x, edge_y), fill in zip(
        around(*centre, 92, 6, start=0.2),
        around(*centre, 66, 6, start=0.85),
        (p.main, p.second) * 3,
        strict=True,
    ):
        pen.plate(centre, (x, y), (edge_x, edge_y), fill=fill)
    pen.disc(*centre, 14, fill=p.ink)
    pen.disc(*centre, 5, fill=p.light)


def gyroscope(pen: Pen) -> None:
    p = pen.palette
    pen.line((214, 52), (98, 248))
    pen.ring(156, 150, 92, colour=p.main)
    pen.curve("M88 110C60 138 168 212 222 190C252 172 120 84 88 110", colour=p.second)
    pen.solid("M100 118C84 142 168 196 212 182C228 164 124 100 100 118", p.second)
    pen.disc(156, 150, 15, fill=p.ink)
    pen.disc(98, 248, 9, fill=p.ink)
    pen.disc(214, 52, 9, fill=p.ink)
    pen.plate((76, 276), (98, 252), (120, 276), fill=p.main)


def spinning_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ground(40, 280)
    pen.wheel(198, 128, 74, spokes=10, tyre=p.main, spoke=p.ink, hub=p.second)
    pen.line((198, 128), (170, 202))
    pen.line((198, 128), (234, 202))
    pen.plate((60, 186), (250, 206), (250, 218), (60, 198), fill=p.second)
    pen.line((88, 204), (72, 256))
    pen.line((228, 222), (244, 256))
    pen.line((196, 218), (186, 256))
    pen.line((82, 184), (82, 122))
    pen.solid("M70 128C64 96 76 84 82 68C88 84 100 96 94 128", p.light)
    pen.line((82, 150), (112, 150))
    pen.line((112, 150), (150, 72), colour=p.second)


def ferris_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.line((160, 142), (104, 256))
    pen.line((160, 142), (216, 256))
    pen.spokes(160, 142, 90, 8, colour=p.shade, start=0.5)
    pen.ring(160, 142, 88, colour=p.main)
    pen.ring(160, 142, 46, colour=p.main)
    for step, (x, y) in enumerate(around(160, 142, 88, 8, start=0.5)):
        fill = p.second if step % 2 == 0 else p.ink
        pen.solid(f"M{x - 14:.0f} {y + 4:.0f}h28c0 20-28 20-28 0", fill)
        pen.line((x, y - 6), (x, y + 2))
    pen.disc(160, 142, 13, fill=p.second)


DRAWINGS = {
    "CURIO-ZOETROPE-01": zoetrope,
    "CURIO-POTTER-01": potters_wheel,
    "CURIO-ORRERY-01": orrery,
    "CURIO-FILM-01": film_reel,
    "CURIO-SPINNER-01": wind_spinner,
    "CURIO-GYRO-01": gyroscope,
    "CURIO-SPINDLE-01": spinning_wheel,
    "CURIO-FERRIS-01": ferris_wheel,
}
