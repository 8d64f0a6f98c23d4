"""The forms of training, by what they are for."""

from portal.training.forms.planning import ExpertForm, PlanForm, ShiftForm
from portal.training.forms.quiz import quiz_form
from portal.training.forms.room import EmptyForm, MoveForm, OverrideForm, SlideForm

__all__ = ["EmptyForm", "ExpertForm", "MoveForm", "OverrideForm", "PlanForm", "ShiftForm", "SlideForm", "quiz_form"]
