"""Addresses of training's pages."""

from django.urls import path

from training import views

app_name = "training"
urlpatterns = [
    path("", views.studies, name="studies"),
    path("studies/<int:study_id>/", views.study, name="study"),
    path("trials/<int:trial_id>/", views.trial, name="trial"),
    path("models/", views.models, name="models"),
]
