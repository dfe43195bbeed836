"""What is trending and what is hot: two indexed scores, so that a list is one index walk.

`trending` counts the views of the last week, each day at 70 % of the day after it: a view today
weighs 1, one of yesterday 0.7, one of a week ago 0.08. `hot` adds the age to the logarithm of what
people gave: ten times the applause makes up for half a day (43 200 s), so that nothing need be
computed again as time passes, only when somebody watches or likes.
"""

from datetime import UTC, datetime
from math import log10

from app.core.db import execute
from app.videos.models import Video

TRENDING_DAYS = 7
DAY_WEIGHT = 0.7
HOT_SECONDS = 43_200
#: a like weighs as much as three views, a comment as much as five
LIKE_WEIGHT = 3
COMMENT_WEIGHT = 5

#: Give each video that was watched in the window its score of today; 0 to those now outside.
REFRESH_TRENDING = f"""
UPDATE video SET trending_score = recent.score FROM (
    SELECT video_id, sum(views * power({DAY_WEIGHT}, $1::date - day)) AS score
    FROM video_view_day WHERE day > $1::date - {TRENDING_DAYS} GROUP BY video_id
    UNION ALL
    SELECT id, 0 FROM video WHERE trending_score > 0 AND NOT EXISTS (
        SELECT FROM video_view_day WHERE video_id = video.id AND day > $1::date - {TRENDING_DAYS})
) recent
WHERE video.id = recent.video_id AND video.trending_score <> recent.score"""  # noqa: S608


def hot_sql(new_views: str) -> str:
    """`hot_score` in SQL, of the columns of `video`, with views (an expression) not yet in them."""
    return f"""log(greatest(1, video.views + {new_views}
        + {LIKE_WEIGHT} * (video.likes - video.dislikes)
        + {COMMENT_WEIGHT} * video.comments_count)::float8)
        + extract(epoch FROM coalesce(video.published_at, video.created_at))::float8
            / {HOT_SECONDS}"""


def hot_score(video: Video, published_at: datetime) -> float:
    """How hot a video is; `hot_sql` is the same in SQL."""
    applause = (
        video.views
        + LIKE_WEIGHT * (video.likes - video.dislikes)
        + COMMENT_WEIGHT * video.comments_count
    )
    return log10(max(1, applause)) + published_at.timestamp() / HOT_SECONDS


async def refresh_trending() -> int:
    """Bring the scores up to date; gives how many changed."""
    return await execute(REFRESH_TRENDING, datetime.now(UTC).date())
