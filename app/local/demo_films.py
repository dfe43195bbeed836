"""The people and the films of `bin/run --demo`: all drawn and sung by ffmpeg's own sources."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, a channel, and two colours for their pictures."""

    username: str
    display_name: str
    about: str
    channel: str
    channel_name: str
    channel_about: str
    colours: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Film:
    """A video: how it looks and sounds (filters), how long, in which container, and its words.

    `category` and `licence` are PeerTube's numbers. No `picture` is a piece of sound.
    """

    by: str
    name: str
    about: str
    tags: tuple[str, ...]
    language: str
    category: int
    licence: int
    seconds: int
    container: str
    picture: str
    sound: str


MUSIC, TRAVELS, ART, ENTERTAINMENT, HOW_TO, EDUCATION, SCIENCE = 1, 6, 4, 10, 12, 13, 15
ATTRIBUTION, SHARE_ALIKE, PUBLIC_DOMAIN = 1, 2, 7

PEOPLE: Final = (
    Person(
        "mira",
        "Mira Solberg",
        "I film weather. Sometimes the weather films me.",
        "slow_skies",
        "Slow Skies",
        "Skies, seas and the light between them, **without a word**. A new one each full moon.",
        ("0x2b1055", "0xf28482"),
    ),
    Person(
        "tomasz",
        "Tomasz Wrona",
        "Mathematics teacher by day, fractal explorer by night.",
        "counting_sheep",
        "Counting Sheep",
        "Small films about large numbers. Questions are welcome, *especially the silly ones*.",
        ("0x0b3d3a", "0x9be564"),
    ),
    Person(
        "ines",
        "Inês Duarte",
        "Pintora, curiosa, quase sempre com tinta nas mãos.",
        "atelier_aberto",
        "Ateliê Aberto",
        "O que acontece quando uma tela não fica quieta.",
        ("0x6a040f", "0xffba08"),
    ),
    Person(
        "studio9",
        "Studio 9",
        "A cellar, nine chairs, two oscilloscopes.",
        "studio9_sessions",
        "Studio 9 Sessions",
        "Recordings from the cellar. Headphones help.",
        ("0x03071e", "0x4cc9f0"),
    ),
)


def _chord(*hertz: float) -> str:
    """A soft chord, breathing: as an expression of aevalsrc for two ears."""
    voices = [
        f"{0.5 / len(hertz):.3f}*sin(2*PI*{tone}*t)*(0.7+0.3*sin(2*PI*t/{7 + 3 * index}))"
        for index, tone in enumerate(hertz)
    ]
    other = [voice.replace("sin(2*PI*t/", "cos(2*PI*t/") for voice in voices]
    return f"aevalsrc='{'+'.join(voices)}|{'+'.join(other)}':s=48000"


def _bells() -> str:
    """Four bells, one after the other, each with its overtones."""
    bells = [
        f"0.16*exp(-1.6*mod(t+{6 - 1.5 * index},6))*(sin(2*PI*{tone}*t)"
        f"+0.5*sin(2*PI*{2.76 * tone}*t)+0.25*sin(2*PI*{5.4 * tone}*t))"
        for index, tone in enumerate((392.0, 329.63, 293.66, 196.0))
    ]
    return f"aevalsrc='{'+'.join(bells)}':s=48000"


def _plane(size: str, red: str, green: str, blue: str, *, scale: str) -> str:
    """A picture by formula, drawn small and made large: softer, and a tenth of the work."""
    formula = f"geq=r='{red}':g='{green}':b='{blue}'"
    return f"nullsrc=s={size}:r=15,format=gbrp,{formula},scale={scale}:flags=bicubic"


_SEA = (
    "st(0,if(lt(Y,82),Y,164-Y+4*sin(Y*1.2+3*T)+2.3*sin(X/7+Y/2.3-2*T)));"
    "st(1,exp(-pow(hypot(X-120,ld(0)-50-T)/15,4)));"
)
_CURTAIN = (
    "st(0,52+16*sin(X/35+T/3)+8*sin(X/14-T/2));"
    "st(1,if(gt(Y,ld(0)),exp((ld(0)-Y)/4),exp((Y-ld(0))/28))*(0.65+0.35*sin(X/4.5+T)*sin(X/17-T/3)));"
)
_DROPS = "+".join(
    f"pow({size}*W/hypot(X-W/2-{wide}*sin(T*{pace}),Y-H/2-{high}*cos(T*{drift})),2)"
    for size, wide, pace, high, drift in (
        (0.13, 50, 0.7, 110, 0.5),
        (0.16, 40, 0.9, 120, 0.4),
        (0.2, 20, 1.1, 100, 0.6),
    )
)

FILMS: Final = (
    Film(
        "mira",
        "The sun takes its time",
        "One evening, one sun, one sea. Nothing else happens, and **that is the point**.\n\n"
        "Filmed in a single formula.",
        ("sunset", "sea", "calm"),
        "en",
        TRAVELS,
        ATTRIBUTION,
        14,
        "mp4",
        _plane(
            "240x136",
            f"{_SEA}clip(40+190*ld(0)/82+255*ld(1)-if(gte(Y,82),40,0),0,255)",
            f"{_SEA}clip(20+120*pow(ld(0)/82,2)+190*ld(1)-if(gte(Y,82),20,0),0,255)",
            f"{_SEA}clip(110-30*ld(0)/82+90*ld(1),0,255)",
            scale="1280:720",
        ),
        _chord(110, 164.81, 220, 277.18),
    ),
    Film(
        "mira",
        "Nordlys over fjorden",
        "Kaldt, stille og grønt. Kameraet frøs før jeg gjorde.",
        ("nordlys", "natt", "vinter"),
        "no",
        TRAVELS,
        SHARE_ALIKE,
        12,
        "mp4",
        _plane(
            "240x136",
            f"{_CURTAIN}clip(12+Y/7+90*ld(1)*(1-Y/105),0,255)",
            f"{_CURTAIN}clip(14+Y/6+215*ld(1),0,255)",
            f"{_CURTAIN}clip(40+Y/4+120*ld(1),0,255)",
            scale="1280:720",
        ),
        _chord(98, 146.83, 196, 293.66),
    ),
    Film(
        "tomasz",
        "Into the seahorse valley",
        "We start where everybody starts and go down **four hundred times**.\n\n"
        "The valley is at -0.7453 + 0.1131i, if you want to go there yourself.",
        ("fractal", "mandelbrot", "mathematics", "zoom"),
        "en",
        SCIENCE,
        PUBLIC_DOMAIN,
        30,
        "mp4",
        "mandelbrot=s=960x540:r=25:maxiter=700:start_scale=0.009:end_scale=0.00002:end_pts=750"
        ":start_x=-0.74529:start_y=-0.113075:inner=black,hue=h=-20,scale=1280:720",
        _chord(130.81, 196, 246.94),
    ),
    Film(
        "tomasz",
        "Gra w życie: trzysta pokoleń",
        "Każda komórka zna tylko swoich ośmiu sąsiadów. Reszta dzieje się sama.",
        ("conway", "automaty", "matematyka"),
        "pl",
        EDUCATION,
        ATTRIBUTION,
        20,
        "mp4",
        "life=s=320x180:r=15:mold=30:ratio=0.35:seed=11:life_color=#f9f871:death_color=#102a43"
        ":mold_color=#43408f,scale=1280:720:flags=neighbor",
        _chord(174.61, 220, 261.63),
    ),
    Film(
        "tomasz",
        "Two circles disagree",
        "A pattern that is in neither of them: move one set of rings over another.",
        ("moiré", "waves", "interference"),
        "en",
        EDUCATION,
        PUBLIC_DOMAIN,
        10,
        "webm",
        "nullsrc=s=320x180:r=15,geq=lum='st(0,hypot(X-160-45*sin(T/2),Y-90-25*cos(T/3)));"
        "st(1,hypot(X-160+45*cos(T/2),Y-90+25*sin(T/2)));"
        "clip(128+400*sin(ld(0)/2.5)*sin(ld(1)/2.5),20,230)':cb=150:cr=100,"
        "scale=1280:720:flags=bicubic",
        _chord(146.83, 185, 220),
    ),
    Film(
        "ines",
        "Espelho quebrado em quatro",
        "Quatro espelhos, um só desenho. *Qual deles é o verdadeiro?*",
        ("caleidoscópio", "simetria", "arte"),
        "pt",
        ART,
        SHARE_ALIKE,
        24,
        "mkv",
        "mandelbrot=s=540x480:r=25:maxiter=300:start_scale=0.9:end_scale=0.002:end_pts=500"
        ":start_x=-0.16:start_y=1.0405:inner=min,split[a][b];[b]hflip[c];[a][c]hstack,split[d][e];"
        "[e]vflip[f];[d][f]vstack,hue=h=40",
        _chord(123.47, 185, 233.08),
    ),
    Film(
        "ines",
        "Óleo sobre agua",
        "Para mirar de pie, con el teléfono en la mano.",
        ("vertical", "color", "agua"),
        "es",
        ART,
        ATTRIBUTION,
        10,
        "mp4",
        _plane(
            "136x240",
            "128+120*sin((X+30*sin(T/2))/17+sin(Y/23+T))",
            "110+100*sin(hypot(X-68+45*sin(T/3),Y-120)/13-T)",
            "150+100*sin((X+Y)/28+T/2+2*sin(Y/32))",
            scale="720:1280",
        ),
        _chord(138.59, 207.65, 277.18),
    ),
    Film(
        "ines",
        "Lampe à lave",
        "Trois gouttes qui ne se quittent jamais longtemps.",
        ("lampe", "vertical", "années70"),
        "fr",
        ENTERTAINMENT,
        PUBLIC_DOMAIN,
        16,
        "mp4",
        f"nullsrc=s=180x320:r=15,geq=lum='255*clip({_DROPS},0,1)':cb=128:cr=128,"
        "scale=720:1280:flags=bicubic,pseudocolor=preset=plasma",
        _chord(110, 138.59, 164.81),
    ),
    Film(
        "studio9",
        "Three against two",
        "A fifth, drawn by the sound itself: left ear across, right ear up. **Take 4.**",
        ("oscilloscope", "lissajous", "synth"),
        "en",
        MUSIC,
        SHARE_ALIKE,
        30,
        "mp4",
        "",  # drawn from its sound: see DRAWN_SOUND
        "aevalsrc='0.8*sin(2*PI*150*t)|0.8*sin(2*PI*225*t+t)':s=48000",
    ),
    Film(
        "studio9",
        "Im Wirbel",
        "Bitte nicht länger als eine Minute am Stück ansehen.",
        ("spirale", "hypnose", "endlos"),
        "de",
        ENTERTAINMENT,
        ATTRIBUTION,
        20,
        "mov",
        "nullsrc=s=320x180:r=15,geq=lum='128+100*sin(2400/(20+hypot(X-W/2,Y-H/2))+6*T"
        "+3*atan2(Y-H/2,X-W/2))':cb='128+60*sin(T/2)':cr='128+60*cos(T/3)',"
        "scale=1280:720:flags=bicubic,gblur=2",
        _chord(155.56, 233.08, 311.13),
    ),
    Film(
        "studio9",
        "Bells for an empty tower",
        "Four bells, nobody to ring them. *Sound only.*",
        ("bells", "ambient", "audio"),
        "en",
        MUSIC,
        PUBLIC_DOMAIN,
        40,
        "ogg",
        "",
        _bells(),
    ),
    Film(
        "studio9",
        "Testbild mit Uhr",
        "Zum Einstellen von allem, was sich einstellen lässt: Farben, Takt, Ton.",
        ("testbild", "technik", "50fps"),
        "de",
        HOW_TO,
        PUBLIC_DOMAIN,
        35,
        "mp4",
        "testsrc2=s=1280x720:r=50",
        "sine=f=1000:b=4:r=48000",
    ),
)

#: Films whose picture comes from their sound.
DRAWN_SOUND: Final = {
    "Three against two": "avectorscope=s=720x720:m=lissajous_xy:r=25:draw=line:rc=40:gc=200:bc=255"
    ":rf=15:gf=10:bf=6,gblur=1.5,pad=1280:720:280:0"
}
