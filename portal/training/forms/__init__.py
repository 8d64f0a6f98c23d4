"""The forms of training, by what they are for."""

from portal.training.forms.availability import AbsenceForm, HoursForm, LanguagesForm
from portal.training.forms.changes import ChangeForm, SeenForm
from portal.training.forms.planning import ExpertForm, PlanForm, ShiftForm
from portal.training.forms.quiz import quiz_form
from portal.training.forms.room import EmptyForm, FaultForm, OverrideForm, SlideForm

__all__ = [
    "AbsenceForm",
    "ChangeForm",
    "EmptyForm",
    "ExpertForm",
    "FaultForm",
    "HoursForm",
    "LanguagesForm",
    "OverrideForm",
    "PlanForm",
    "SeenForm",
    "ShiftForm",
    "SlideForm",
    "quiz_form",
]
