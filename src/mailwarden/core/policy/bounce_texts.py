"""The built-in words of reports about failures and delays, in the languages of the web pages.

English comes first, for everybody whose language is not there. Its text about failures is that of
mailflow 7.5. All others say the same.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Words(NamedTuple):
    """What a language has to say. Each is one line, with variables."""

    failure_subject: str
    delay_subject: str
    failure: str
    delay: str
    reason: str  # stands above the reason
    promise: str  # of delays


WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        failure_subject="Delivery Status Notification (Failure)",
        delay_subject="Delivery Status Notification (Delay)",
        failure="The following message to $BouncedRecipient was undeliverable.",
        delay="The following message to $BouncedRecipient has not been delivered yet.",
        reason="The reason for the problem:",
        promise="You need not send it again. Delivery will be tried until $RetryUntil.",
    ),
    "de": Words(
        failure_subject="Zustellbericht (Fehler)",
        delay_subject="Zustellbericht (Verzögerung)",
        failure="Die folgende Nachricht an $BouncedRecipient konnte nicht zugestellt werden.",
        delay="Die folgende Nachricht an $BouncedRecipient ist noch nicht zugestellt.",
        reason="Der Grund:",
        promise="Bitte senden Sie sie nicht erneut. Die Zustellung wird bis $RetryUntil versucht.",
    ),
    "es": Words(
        failure_subject="Notificación del estado de entrega (error)",
        delay_subject="Notificación del estado de entrega (retraso)",
        failure="No se pudo entregar el siguiente mensaje a $BouncedRecipient.",
        delay="El siguiente mensaje a $BouncedRecipient todavía no se ha entregado.",
        reason="El motivo:",
        promise="No hace falta que lo envíe de nuevo. Se intentará entregarlo hasta $RetryUntil.",
    ),
    "fr": Words(
        failure_subject="Notification d'état de remise (échec)",
        delay_subject="Notification d'état de remise (retard)",
        failure="Le message suivant n'a pas pu être remis à $BouncedRecipient.",
        delay="Le message suivant n'a pas encore été remis à $BouncedRecipient.",
        reason="La raison :",
        promise="Inutile de le renvoyer. La remise sera tentée jusqu'au $RetryUntil.",
    ),
    "it": Words(
        failure_subject="Notifica sullo stato del recapito (errore)",
        delay_subject="Notifica sullo stato del recapito (ritardo)",
        failure="Non è stato possibile recapitare il seguente messaggio a $BouncedRecipient.",
        delay="Il seguente messaggio a $BouncedRecipient non è stato ancora recapitato.",
        reason="Il motivo:",
        promise="Non occorre inviarlo di nuovo. Il recapito sarà tentato fino a $RetryUntil.",
    ),
    "ja": Words(
        failure_subject="配信状況の通知 (失敗)",
        delay_subject="配信状況の通知 (遅延)",
        failure="次の宛先にメッセージを配信できませんでした: $BouncedRecipient",
        delay="次の宛先へのメッセージはまだ配信されていません: $BouncedRecipient",
        reason="理由:",
        promise="再送信の必要はありません。$RetryUntil まで配信を試みます。",
    ),
    "ko": Words(
        failure_subject="배달 상태 알림 (실패)",
        delay_subject="배달 상태 알림 (지연)",
        failure="다음 수신자에게 메시지를 배달하지 못했습니다: $BouncedRecipient",
        delay="다음 수신자에게 보낸 메시지가 아직 배달되지 않았습니다: $BouncedRecipient",
        reason="이유:",
        promise="다시 보낼 필요가 없습니다. $RetryUntil 까지 배달을 시도합니다.",
    ),
    "pt-br": Words(
        failure_subject="Notificação de status de entrega (falha)",
        delay_subject="Notificação de status de entrega (atraso)",
        failure="Não foi possível entregar a seguinte mensagem a $BouncedRecipient.",
        delay="A seguinte mensagem a $BouncedRecipient ainda não foi entregue.",
        reason="O motivo:",
        promise="Não é preciso enviá-la de novo. A entrega será tentada até $RetryUntil.",
    ),
    "ru": Words(
        failure_subject="Уведомление о доставке (сбой)",
        delay_subject="Уведомление о доставке (задержка)",
        failure="Следующее сообщение для $BouncedRecipient не удалось доставить.",
        delay="Следующее сообщение для $BouncedRecipient ещё не доставлено.",
        reason="Причина:",
        promise="Отправлять его снова не нужно. Попытки доставки продолжатся до $RetryUntil.",
    ),
    "zh-hans": Words(
        failure_subject="投递状态通知 (失败)",
        delay_subject="投递状态通知 (延迟)",
        failure="以下邮件无法投递给 $BouncedRecipient。",
        delay="以下邮件尚未投递给 $BouncedRecipient。",
        reason="原因：",
        promise="您无需重新发送。系统将继续尝试投递，直至 $RetryUntil。",
    ),
    "zh-hant": Words(
        failure_subject="投遞狀態通知 (失敗)",
        delay_subject="投遞狀態通知 (延遲)",
        failure="下列郵件無法投遞給 $BouncedRecipient。",
        delay="下列郵件尚未投遞給 $BouncedRecipient。",
        reason="原因：",
        promise="您無需重新寄送。系統將繼續嘗試投遞，直到 $RetryUntil。",
    ),
}
