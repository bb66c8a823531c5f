"""What Whisper writes where nothing was said, as its users report it again and again.

Written as `noise.plain` gives it: lower case, no punctuation.
"""

NEVER_SPOKEN = frozenset(
    {
        # The credits and farewells of subtitles. Nobody says these to an assistant.
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "please subscribe",
        "please subscribe to my channel",
        "thanks for watching please subscribe",
        "like and subscribe",
        "subtitles by the amara org community",
        "subtitles by steamteamextra",
        "transcription by castingwords",
        "untertitel der amara org community",
        "untertitel im auftrag des zdf für funk 2017",
        "untertitelung des zdf 2020",
        "untertitelung aufgrund der amara org community",
        "vielen dank fürs zuschauen",
        "sous titres réalisés par la communauté d amara org",
        "sous titres réalisés para la communauté d amara org",
        "sous titrage société radio canada",
        "merci d avoir regardé cette vidéo",
        "subtítulos realizados por la comunidad de amara org",
        "gracias por ver el video",
        "sottotitoli creati dalla comunità amara org",
        "sottotitoli e revisione a cura di qtss",
        "legendas pela comunidade amara org",
        "ondertitels ingediend door de amara org gemeenschap",
        "napisy stworzone przez społeczność amara org",
        "субтитры сделал dimatorzok",
        "субтитры создавал dimatorzok",
        "редактор субтитров а семкин корректор а егорова",
        "altyazı m k",
        "izlediğiniz için teşekkür ederim",
        "ترجمة نانسي قنقر",
        "ご視聴ありがとうございました",
        "字幕由amara org社区提供",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "謝謝觀看",
        "谢谢观看",
        "시청해주셔서 감사합니다",
    }
)

FREQUENT = frozenset(
    {
        # These are said, too: they are not believed only where little speaks for them.
        "you",
        "thank you",
        "thank you very much",
        "thanks",
        "bye",
        "bye bye",
        "okay",
        "so",
        "the",
        "vielen dank",
        "merci",
        "gracias",
        "продолжение следует",
        "ありがとうございました",
        "감사합니다",
        "谢谢",
    }
)
